# make deb, make check-package: Debian packages, built from a copy of the tree below build/deb.

DEB := build/deb
.PHONY: deb check-package

# What belongs to the source: what git knows and does not ignore, or, of an unpacked release, all but build.
deb_files = if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then git ls-files -co --exclude-standard; \
	else find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%P\n'; fi

# One folder, DIR, with the packages and what dpkg-buildpackage said of them.
define build-deb
	rm -rf $(1)
	mkdir -p $(1)/fingerpost-$(VERSION)
	$(deb_files) | while read -r f; do [ ! -e "$$f" ] || echo "$$f"; done | tar -c -T - | tar -x -C $(1)/fingerpost-$(VERSION)
	cd $(1)/fingerpost-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS DEB_BUILD_OPTIONS="$(2)" \
		dpkg-buildpackage -us -uc -F >../build.log 2>&1 || { tail -40 ../build.log; exit 1; }
endef

deb:
	@$(call build-deb,$(DEB)/making,$(DEB_BUILD_OPTIONS))
	@rm -f $(DEB)/*.deb $(DEB)/*.dsc $(DEB)/*.tar.* $(DEB)/*.changes $(DEB)/*.buildinfo
	@mv $(DEB)/making/*.deb $(DEB)/making/*.dsc $(DEB)/making/*.tar.* $(DEB)/making/*.changes $(DEB)/making/*.buildinfo $(DEB)/
	@mv $(DEB)/making/build.log $(DEB)/
	@rm -rf $(DEB)/making
	@ls -l $(DEB)/*.deb

check-package: deps
	@tests/run --system debian/tests/package.t
