# The Perl module and the plugin: build/perl/lib, build/perl/arch. They hold the reader's library
# within, so that they run where they were built and where they are installed.

PERL_LIB := $(patsubst sa-plugin/%,build/perl/%,$(shell find sa-plugin/lib -name '*.pm'))
PERL_SO := build/perl/arch/auto/Fingerpost/Fingerpost.so

perl_config = $(shell $(PERL) -MConfig -e 'print $$Config{$(1)}')
PERL_INC = $(call perl_config,archlibexp)/CORE
# Where perl looks by itself: Debian's own place under prefix=/usr, the local administrator's under /usr/local.
# Any other prefix keeps its files together; the plugin finds the module beside itself.
perl_place = $(if $(filter /usr,$(prefix)),$(call perl_config,vendor$(1)),$(if \
	$(filter /usr/local,$(prefix)),$(call perl_config,site$(1)),$(prefix)/lib/fingerpost/perl/$(1)))

perl: $(PERL_LIB) $(PERL_SO) $O/tests/mkstore

# One version number: the GNUmakefile's.
build/perl/lib/%.pm: sa-plugin/lib/%.pm GNUmakefile
	@mkdir -p $(@D)
	sed "s/^our \$$VERSION = .*/our \$$VERSION = '$(VERSION)';/" $< > $@

$O/perl/Fingerpost.c: sa-plugin/Fingerpost.xs
	@mkdir -p $(@D)
	$(PERL) $(call perl_config,privlibexp)/ExtUtils/xsubpp -typemap $(call perl_config,privlibexp)/ExtUtils/typemap \
		-noprototypes $< > $@

# -Wshadow and the like are for our lines; perl's headers are the system's.
# It sees what any user of the library sees, the public header.
$O/perl/Fingerpost.o: $O/perl/Fingerpost.c build/include/fingerpost.h GNUmakefile sa-plugin/perl.mk
	$(CC) -Ibuild/include $(call perl_config,ccflags) $(CFLAGS) -Wno-missing-prototypes -Wno-unused-parameter -fPIC \
		-DVERSION='"$(VERSION)"' -DXS_VERSION='"$(VERSION)"' -isystem $(PERL_INC) -MMD -MP -c $< -o $@

$(PERL_SO): $O/perl/Fingerpost.o build/lib/libfingerpost.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL $^ -o $@

-include $O/perl/Fingerpost.d

# Writes a store for tests, and shows one in the daemon's words: tests/mkstore.c.
$O/tests/mkstore: $O/tests/mkstore.o $O/libstore.a $O/libcore.a
	$(CC) $(LDFLAGS) $< -Wl,--start-group $O/libstore.a $O/libcore.a -Wl,--end-group -llmdb -lm -o $@

.PHONY: install-perl
install-perl: lib := $(DESTDIR)$(call perl_place,lib)
install-perl: arch := $(DESTDIR)$(call perl_place,arch)
install-perl: perl
	install -d $(arch)/auto/Fingerpost $(lib)/Mail/SpamAssassin/Plugin/Fingerpost $(DESTDIR)$(prefix)/share/fingerpost
	install -m 644 build/perl/lib/Fingerpost.pm $(lib)/
	install -m 644 $(PERL_SO) $(arch)/auto/Fingerpost/
	install -m 644 build/perl/lib/Mail/SpamAssassin/Plugin/Fingerpost.pm $(lib)/Mail/SpamAssassin/Plugin/
	install -m 644 $(filter build/perl/lib/Mail/SpamAssassin/Plugin/Fingerpost/%,$(PERL_LIB)) $(lib)/Mail/SpamAssassin/Plugin/Fingerpost/
	install -m 644 sa-plugin/fingerpost.cf sa-plugin/fingerpost-amavisd.cf $(DESTDIR)$(prefix)/share/fingerpost/
