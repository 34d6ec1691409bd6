# hermod-plugin.mk - builds, checks and installs a module outside Hermod's tree.
#
#	MODULE = hello
#	MAN = hermod-hello.7
#	include $(shell pkg-config --variable=plugin_mk hermod)
#
# May be set before: SOURCES (default: $(MODULE).c), MAN, CFLAGS, LDLIBS,
# TESTS (TAP scripts, run with HERMOD and HERMOD_MODULE_PATH set; default:
# t/*.t), SCENARIOS (played by hermod-mailtest; default: t/*.mt), WITH (modules
# that it needs beside those of Hermod), WITH_PATH (the folders these are in),
# CHECK_FLAGS (for hermod plugin check). Targets: all, check, install, clean.
# GNU make.

ifeq ($(MODULE),)
$(error set MODULE to the name of the module)
endif

SOURCES ?= $(MODULE).c
CFLAGS ?= -O2 -g
TESTS ?= $(wildcard t/*.t)
SCENARIOS ?= $(wildcard t/*.mt)
INSTALL ?= install

hm_var = $(shell pkg-config --variable=$(1) hermod)
hm_cflags := $(shell pkg-config --cflags hermod)
hm_libs := $(shell pkg-config --libs hermod)
hm_moduledir := $(call hm_var,moduledir)
hm_confddir := $(call hm_var,confddir)
hm_mandir := $(call hm_var,mandir)
HERMOD ?= $(call hm_var,bindir)/hermod
MAILTEST ?= $(call hm_var,bindir)/hermod-mailtest
hm_templates := $(call hm_var,datadir)/hermod
hm_space := $(subst ,, )
hm_with := $(subst $(hm_space),,$(foreach dir,$(WITH_PATH),:$(abspath $(dir))))
hm_path := $(CURDIR)$(hm_with):$(hm_moduledir)

# Hidden visibility leaves the one symbol that HM_MODULE exports; with -z defs
# a call of anything but Hermod and $(LDLIBS) does not link.
hm_build = -std=gnu11 -Wall -Wextra -fPIC -fvisibility=hidden \
	-fno-strict-aliasing $(hm_cflags)
hm_link = -shared -Wl,-z,defs -Wl,-z,relro -Wl,-z,now

hm_objects = $(SOURCES:.c=.o)

.PHONY: all check install clean
all: $(MODULE).so

$(MODULE).so: $(hm_objects)
	$(CC) $(CFLAGS) $(LDFLAGS) $(hm_link) -o $@ $(hm_objects) $(LDLIBS) $(hm_libs)

%.o: %.c
	$(CC) $(hm_build) $(CPPFLAGS) $(CFLAGS) -MMD -c -o $@ $<

-include $(hm_objects:.o=.d)

# What is wrong with it, with its sample as configuration; then its tests.
check: all
	@set -e; export HERMOD_MODULE_PATH='$(hm_path)' HERMOD='$(HERMOD)' \
	    HERMOD_TEMPLATES='$(hm_templates)'; \
	'$(HERMOD)' plugin check $(MODULE).so $(WITH:%=--with %) $(CHECK_FLAGS); \
	for t in $(TESTS); do "$$t"; done; \
	for t in $(SCENARIOS); do '$(MAILTEST)' "$$t"; done

install: all
	$(INSTALL) -d '$(DESTDIR)$(hm_moduledir)' '$(DESTDIR)$(hm_confddir)'
	$(INSTALL) -m 755 $(MODULE).so '$(DESTDIR)$(hm_moduledir)/'
	@if test -f $(MODULE).yaml && \
	    ! test -f '$(DESTDIR)$(hm_confddir)/$(MODULE).yaml'; then \
		$(INSTALL) -m 644 $(MODULE).yaml '$(DESTDIR)$(hm_confddir)/'; \
	fi
ifneq ($(MAN),)
	$(INSTALL) -d '$(DESTDIR)$(hm_mandir)/man7'
	$(INSTALL) -m 644 $(MAN) '$(DESTDIR)$(hm_mandir)/man7/'
endif

clean:
	rm -f $(MODULE).so $(hm_objects) $(hm_objects:.o=.d)
