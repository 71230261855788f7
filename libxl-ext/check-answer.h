/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_ANSWER_H
#define DTS_CHECK_ANSWER_H 1

/* `xl-remus check --answer`: the end that is asked, run by dts-link's listener
 * with DTS_DOMAIN and DTS_PEER in its environment.  Returns an exit status. */
int check_answer(void);

#endif /* check-answer.h */
