# tarot_security: builds with PGXS, in the source tree or out of it (make -f /path/to/Makefile).
#
# What people call (demo, check, server, lint, ...) is in test/tools/dev.mk;
# this file only builds and installs. "make help" lists both.

EXTENSION = tarot_security
MODULE_big = tarot_security

# Names here must not be PGXS's own: it would win, silently (INSTALL_SCRIPT is a program there).

# Where this Makefile lies, whatever the build directory.
TOP := $(patsubst %/,%,$(dir $(abspath $(firstword $(MAKEFILE_LIST)))))

EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(TOP)/tarot_security.control)

# Lower floors first. A file may include its own floor and those before it;
# the install script is put together in this order too. "make lint" reads it.
# Capabilities share a floor, and never include each other.
CAPABILITIES = anonymize binding client convert discover masking reads reseal retention reviews rows seal search statements subjects
FLOORS = base crypto token mask recognize events worker keys identity permission class values gate label column trail audit jobs $(CAPABILITIES) hooks

# Folders and files (.c and .h) that include nothing of the server's, for they link into unit tests and fuzzers too.
SERVER_FREE = base/bytes base/secret base/errors crypto token mask recognize jobs/rest

SOURCES := $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/extension/*.c) \
	$(foreach floor,$(FLOORS),$(sort $(wildcard $(TOP)/extension/$(floor)/*.c))))
MODULE_SQL := $(foreach floor,$(FLOORS),$(sort $(wildcard $(TOP)/extension/$(floor)/*.sql)))
EXTENSION_SQL = extension/$(EXTENSION)--$(EXTVERSION).sql
UPGRADE_SCRIPTS := $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/extension/upgrade/*.sql))

OBJS = $(SOURCES:.c=.o)
DATA = $(UPGRADE_SCRIPTS)
DATA_built = $(EXTENSION_SQL)
SHLIB_EXPORTS = extension/exports.txt
SHLIB_LINK = -lcrypto -lsodium
# A program that needs nothing of the server: it is made of what the library has of that.
VERIFIER = extension/program/tarot-verify
PROGRAM_OBJS := $(patsubst $(TOP)/%.c,%.o,$(wildcard $(TOP)/extension/program/*.c))
VERIFIER_OBJS := $(PROGRAM_OBJS) $(patsubst $(TOP)/%.c,%.o,$(foreach part,$(SERVER_FREE),\
	$(wildcard $(TOP)/extension/$(part).c) $(if $(filter crypto token,$(part)),$(wildcard $(TOP)/extension/$(part)/*.c))))
EXTRA_CLEAN = $(VERIFIER) $(PROGRAM_OBJS) $(PROGRAM_OBJS:.o=.d) $(EXTENSION_SQL) extension/exports.txt extension/exports.list $(OBJS:.o=.d)

# The server's own headers are system headers here: their warnings are not ours to mend.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server) -I$(TOP)/extension \
	-DTAROT_VERSION='"$(EXTVERSION)"'
# PG_FINALLY declares a variable that gcc, not clang, suspects of being clobbered.
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-declaration-after-statement -Wno-unknown-warning-option -Wno-clobbered $(WERROR) -MMD -MP

# Bitcode for the JIT would only be inlined calls into two libraries that have none.
override with_llvm = no

# What people call needs no PGXS, which may not be there yet, and which has a "check" that only refuses.
DEV_TARGETS := $(shell sed -n 's/^\([a-z-]*\):.*[#][#].*/\1/p' $(TOP)/test/tools/dev.mk)
ifneq ($(filter $(DEV_TARGETS),$(MAKECMDGOALS)),)
include $(TOP)/test/tools/dev.mk
else

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(PGXS),)
$(error There is no $(PG_CONFIG): test/tools/install-packages build installs it. "make help" tells what works without)
endif
include $(PGXS)

# ---------------------------------------------------------------- build rules

# Headers are dependencies, and objects lie in sub-folders also out of tree
# (by absolute name, or VPATH would find the folder among the sources).
-include $(OBJS:.o=.d) $(PROGRAM_OBJS:.o=.d)
OBJECT_DIRS := $(addprefix $(CURDIR)/,$(sort $(dir $(OBJS) $(PROGRAM_OBJS))))
$(OBJS) $(PROGRAM_OBJS) $(EXTENSION_SQL) extension/exports.txt: | $(OBJECT_DIRS)
$(OBJECT_DIRS):
	mkdir -p $@

# Only what the server looks up by name leaves the library. Everything is
# rebuilt when the flags or the floors change, hence the dependency on Makefile.
extension/exports.txt: $(SOURCES) $(TOP)/Makefile
	@{ echo Pg_magic_func; echo _PG_init; \
	  sed -n -e 's/^PG_FUNCTION_INFO_V1(\([a-z0-9_]*\));.*/\1\npg_finfo_\1/p' \
	    -e 's/^.*PGDLLEXPORT void \([a-z0-9_]*\)(.*/\1/p' \
	    $(addprefix $(TOP)/,$(SOURCES)); } | sort -u > $@
$(OBJS) $(PROGRAM_OBJS): $(TOP)/Makefile $(TOP)/tarot_security.control

# PGXS makes a library or a program, not both.
all: $(VERIFIER)
$(VERIFIER): $(VERIFIER_OBJS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcrypto -lsodium
install: install-verifier
uninstall: uninstall-verifier
.PHONY: install-verifier uninstall-verifier
install-verifier: $(VERIFIER)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(VERIFIER) '$(DESTDIR)$(bindir)'
uninstall-verifier:
	rm -f '$(DESTDIR)$(bindir)/$(notdir $(VERIFIER))'

$(EXTENSION_SQL): $(MODULE_SQL) $(TOP)/Makefile $(TOP)/tarot_security.control
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION tarot_security" to load this file. \quit'; \
	  cat $(MODULE_SQL); } > $@

endif
