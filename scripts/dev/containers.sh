# shellcheck shell=sh
# ./dev test compose, debian12 and debian13: what runs in containers. The engine
# and the base images are those of docker.sh.

# compose_pin SERVICE: the image that compose.yaml pins for it.
compose_pin() {
	sed -n "s/^ *image: \($1:[^ ]*\)$/\1/p" "$ROOT/compose/compose.yaml" |
		sort -u
}

# The servers, under the names that compose.yaml pins, from Debian's packages: the
# newest RabbitMQ is in Debian's next release only.
compose_images() {
	debian=$(sed -n 's/^ARG DEBIAN=//p' "$ROOT/compose/Dockerfile")
	docker_base trixie "$debian"
	docker_base forky waybill-test/base:forky
	docker_build "$(compose_pin postgres)" tests/compose/postgres.Dockerfile \
		--build-arg "BASE=$debian"
	docker_build "$(compose_pin rabbitmq)" tests/compose/rabbitmq.Dockerfile \
		--build-arg BASE=waybill-test/base:forky
}

# ctest shows a passing test only when asked, and this one tells what it does.
test_compose() {
	docker_with_engine
	compose_images
	build_configure dev
	cmake --build "$ROOT/build/dev" --target waybill >"$build_log" 2>&1 || {
		show_tail "$build_log" 40
		die "the build failed" "the whole log is build/dev.log"
	}
	export WB_TEST_RUN="$RUN" WB_TEST_BIN="$ROOT/build/dev/bin"
	ctest --test-dir "$ROOT/build/dev" --no-tests=error -V -L '^compose$' "$@"
}

# test_platform debian12|debian13: unit, contracts and integration tests as on a
# fresh machine with that Debian: its compiler, libraries and servers. The build
# stays in a volume for the next time.
test_platform() {
	platform=$1
	shift
	case $platform in
	debian12) suite=bookworm ;;
	debian13) suite=trixie ;;
	esac
	docker_with_engine
	docker_base "$suite" "waybill-test/base:$suite"
	docker_build "waybill-test/$platform" tests/compose/platform.Dockerfile \
		--build-arg "BASE=waybill-test/base:$suite" \
		--build-arg "PACKAGES=$(printf '%s' "$PACKAGES" | tr -s '\n\t' ' ')"
	say "running the tests on $platform"
	tar -C "$ROOT" -c --exclude=./.git --exclude='./.run*' --exclude=./build . |
		docker run --rm -i --network none -v "$platform:/work" \
			-w /work "waybill-test/$platform" sh -euc "$PLATFORM_RUN" \
			platform "$@"
}

# The sources, beside the build of the time before; then each label, the words
# behind ./dev test debian13 going to ctest. What failed is told at the end.
# shellcheck disable=SC2016 # it is the shell in the container that expands
PLATFORM_RUN='
	find . -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -x
	failed=
	for label in unit contracts integration; do
		./dev test "$label" "$@" </dev/null || failed="$failed $label"
	done
	[ -z "$failed" ] || echo "failed:$failed"
	[ -z "$failed" ]'
