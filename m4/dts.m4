# SPDX-License-Identifier: Apache-2.0
# Autoconf macros of remus-dts.

dnl DTS_ENABLE_WERROR: --enable-Werror, on in CI, off for packagers' compilers.
AC_DEFUN([DTS_ENABLE_WERROR],
  [AC_ARG_ENABLE([Werror],
     [AS_HELP_STRING([--enable-Werror], [treat compiler warnings as errors])],
     [], [enable_Werror=no])
   DTS_CFLAGS="-std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers"
   DTS_CFLAGS="$DTS_CFLAGS -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wmissing-declarations -Wpointer-arith -Wshadow -Wformat -Wformat-security -fno-strict-aliasing"
   AS_IF([test "$enable_Werror" != no], [DTS_CFLAGS="$DTS_CFLAGS -Werror"])
   AC_SUBST([DTS_CFLAGS])])

dnl DTS_ENABLE_SANITIZERS: --enable-sanitizers: ASan and UBSan in our own code.
AC_DEFUN([DTS_ENABLE_SANITIZERS],
  [AC_ARG_ENABLE([sanitizers],
     [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
     [], [enable_sanitizers=no])
   AS_IF([test "$enable_sanitizers" != no],
     [SAN_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
   AC_SUBST([SAN_FLAGS])])

dnl DTS_CHECK_OVS: where libopenvswitch is, as OVN does it.  By default the
dnl tarball of Debian's openvswitch-source is unpacked and built once in the
dnl build directory (about a minute).
AC_DEFUN([DTS_CHECK_OVS],
  [AC_ARG_WITH([ovs-source],
     [AS_HELP_STRING([--with-ovs-source=DIR], [OVS source tree (default: unpacked from /usr/src/openvswitch/openvswitch.tar.gz)])])
   AC_ARG_WITH([ovs-build],
     [AS_HELP_STRING([--with-ovs-build=DIR], [OVS build tree (default: the source tree when it is built, else built in ./ovs)])])
   AS_IF([test -n "$with_ovs_source" && test "$with_ovs_source" != yes],
     [OVSDIR=`cd "$with_ovs_source" && pwd`
      AS_IF([test -z "$OVSDIR"], [AC_MSG_ERROR([--with-ovs-source: no directory $with_ovs_source])])
      AS_IF([test -n "$with_ovs_build"], [OVSBUILDDIR=`cd "$with_ovs_build" && pwd`], [OVSBUILDDIR=$OVSDIR])],
     [AC_MSG_NOTICE([building libopenvswitch from the package openvswitch-source, once])
      AS_IF([CC="$CC" sh "$srcdir/build-aux/build-ovs" ovs >&AS_MESSAGE_FD], [],
        [AC_MSG_ERROR([libopenvswitch could not be built: see ovs/build.log; the package openvswitch-source must be installed])])
      OVSDIR=`pwd`/ovs/openvswitch
      OVSBUILDDIR=`pwd`/ovs/build])
   AS_IF([test -f "$OVSBUILDDIR/config.h" && test -f "$OVSBUILDDIR/lib/libopenvswitch.la"], [],
     [AC_MSG_ERROR([no built OVS in $OVSBUILDDIR: give --with-ovs-source and --with-ovs-build, or neither])])
   AC_SUBST([OVSDIR])
   AC_SUBST([OVSBUILDDIR])])

dnl DTS_CHECK_XEN: libxenstore for the agent and the vif program, libxl for libxl-ext.
AC_DEFUN([DTS_CHECK_XEN],
  [AC_ARG_WITH([xen],
     [AS_HELP_STRING([--without-xen], [build everything but libxl-ext, without Xen's headers])],
     [], [with_xen=yes])
   have_xen=no
   AS_IF([test "$with_xen" != no],
     [PKG_CHECK_MODULES([XENSTORE], [xenstore], [],
        [AC_MSG_ERROR([libxenstore not found: install libxen-dev, or configure --without-xen])])
      PKG_CHECK_MODULES([XENLIGHT], [xenlight xentoollog], [],
        [AC_MSG_ERROR([libxl not found: install libxen-dev, or configure --without-xen])])
      PKG_CHECK_MODULES([XENCTRL], [xencontrol xenguest], [],
        [AC_MSG_ERROR([libxenctrl not found: install libxen-dev, or configure --without-xen])])
      AC_DEFINE([HAVE_XEN], [1], [Define to 1 if Xen's libraries are there.])
      have_xen=yes])
   AM_CONDITIONAL([HAVE_XEN], [test $have_xen = yes])])

dnl DTS_CHECK_LIBS: the rest.
AC_DEFUN([DTS_CHECK_LIBS],
  [PKG_CHECK_MODULES([NL], [libnl-3.0 libnl-route-3.0], [],
     [AC_MSG_ERROR([libnl-route-3 not found: install libnl-route-3-dev])])
   PKG_CHECK_MODULES([CMOCKA], [cmocka], [have_cmocka=yes], [have_cmocka=no])
   AM_CONDITIONAL([HAVE_CMOCKA], [test $have_cmocka = yes])
   AC_CHECK_LIB([pcap], [pcap_open_offline], [PCAP_LIBS=-lpcap],
     [AC_MSG_ERROR([libpcap not found: install libpcap-dev])])
   AC_SUBST([PCAP_LIBS])
   dnl What dts-link compresses by.
   PKG_CHECK_MODULES([LZ4], [liblz4], [have_lz4=yes
      AC_DEFINE([HAVE_LZ4], [1], [Define to 1 if liblz4 is there.])],
     [have_lz4=no])
   PKG_CHECK_MODULES([ZSTD], [libzstd], [have_zstd=yes
      AC_DEFINE([HAVE_ZSTD], [1], [Define to 1 if libzstd is there.])],
     [have_zstd=no])])
