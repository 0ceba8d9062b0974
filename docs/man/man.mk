# What is generated from the programs' own tables: manuals, completion, the settings file that is shipped. See docs/man/generate.

MANUALS := fingerpostd.8 fingerpost.1 fingerpost.conf.5 libfingerpost.3 fingerpost-signatures.5
SHARED := $(addprefix build/share/man/,$(MANUALS)) build/share/man/fingerpost-grant.8 build/share/fingerpost.conf \
	build/share/completion/fingerpost build/share/completion/_fingerpost

generate = docs/man/generate $(1) build/bin/fingerpostd build/bin/fingerpost build/include/fingerpost.h $(2) > $@
GENERATE := docs/man/generate docs/man/man.mk build/bin/fingerpostd build/bin/fingerpost build/include/fingerpost.h

build/share/man/fingerpost-grant.8: docs/man/fingerpost-grant.8
	@mkdir -p $(@D)
	cp $< $@
build/share/man/%: docs/man/%.in $(GENERATE)
	@mkdir -p $(@D)
	$(call generate,man,$<)
build/share/fingerpost.conf: $(GENERATE)
	@mkdir -p $(@D)
	$(call generate,settings)
build/share/completion/fingerpost: $(GENERATE)
	@mkdir -p $(@D)
	$(call generate,bash)
build/share/completion/_fingerpost: $(GENERATE)
	@mkdir -p $(@D)
	$(call generate,zsh)

# Where zsh looks by itself; Debian has a place of its own for packages.
zshdir ?= $(prefix)/share/zsh/site-functions

.PHONY: man install-man
man: $(SHARED)

install-man: share := $(DESTDIR)$(prefix)/share
install-man: man
	install -d $(share)/man/man1 $(share)/man/man3 $(share)/man/man5 $(share)/man/man8 \
		$(share)/bash-completion/completions $(DESTDIR)$(zshdir) $(share)/fingerpost
	for m in $(MANUALS) fingerpost-grant.8; do \
		install -m 644 build/share/man/$$m $(share)/man/man$${m##*.}/ || exit 1; done
	install -m 644 build/share/completion/fingerpost $(share)/bash-completion/completions/fingerpost
	ln -sf fingerpost $(share)/bash-completion/completions/fingerpostd
	install -m 644 build/share/completion/_fingerpost $(DESTDIR)$(zshdir)/
	install -m 644 build/share/fingerpost.conf $(share)/fingerpost/fingerpost.conf.example
	install -d $(share)/man/man3
	cd build/perl/lib && for m in Fingerpost Mail::SpamAssassin::Plugin::Fingerpost; do \
		pod2man --section 3pm --release 'Fingerpost $(VERSION)' --center 'Fingerpost' --name $$m \
			$$(echo $$m | sed 's|::|/|g').pm > $(abspath $(share))/man/man3/$$m.3pm || exit 1; done
