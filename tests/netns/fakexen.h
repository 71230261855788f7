/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKEXEN_H
#define FAKEXEN_H 1

/* $FAKEXEN_DIR. */
const char *fake_dir(void);
/* The number in its file 'name', 'dflt' if there is none. */
long fake_number(const char *name, long dflt);

#endif /* fakexen.h */
