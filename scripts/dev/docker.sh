# shellcheck shell=sh
# A Docker engine of a stack's own, for ./dev test compose, debian12 and debian13.
# It has its own data, socket and containerd, changes nothing in the firewall (so
# builds use the machine's network), and ends with the command; what it has built
# stays in the stack for the next time. Nothing is pulled: base images are made by
# debootstrap and get the name that a Dockerfile asks for.

DOCKER_PACKAGES="docker.io docker-compose debootstrap iptables"
DEBIAN_MIRROR=${WB_DEBIAN_MIRROR:-http://deb.debian.org/debian}

# docker_skip REASON: what ctest counts as skipped.
docker_skip() {
	say "skipped: $1"
	exit 77
}

# Opens .run-compose and starts the engine, or leaves with why it can't.
docker_with_engine() {
	[ "$(id -u)" -eq 0 ] ||
		docker_skip "containers need root, and this is $(id -un)"
	# shellcheck disable=SC2086 # a list of words
	(packages_ensure $DOCKER_PACKAGES) ||
		docker_skip "Debian's docker.io can't be installed here"
	STACK=.run-compose
	RUN=$ROOT/$STACK
	stack_open
	trap docker_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	docker_start
}

# Sockets live in /run: the path of a checkout may be too long for one.
docker_names() {
	docker_run=/run/waybill-$(printf '%s' "$RUN" | cksum | tr ' ' -)
	DOCKER_HOST=unix://$docker_run/docker.sock
	export DOCKER_HOST
}

docker_is_ready() {
	pid_gone dockerd || docker version >/dev/null 2>&1
}

docker_start() {
	docker_names
	pid_stop dockerd TERM 60
	mkdir -p "$docker_run"
	: >"$RUN/log/dockerd.log"
	say "starting a Docker engine of its own"
	PATH=$PATH:/usr/sbin:/sbin spawn dockerd /usr/sbin/dockerd \
		--data-root "$RUN/engine" --exec-root "$docker_run" \
		--pidfile "$docker_run/pid" -H "$DOCKER_HOST" --bridge=none \
		--iptables=false --ip6tables=false --ip-masq=false \
		--ip-forward=false
	wait_until 60 docker_is_ready || true
	if pid_gone dockerd; then
		show_tail "$RUN/log/dockerd.log" 5
		docker_skip "a Docker engine can't run here (its last words are above)"
	fi
	docker_remove_containers
}

# What an interrupted run has left: containers, and the networks and volumes of
# compose.
docker_remove_containers() {
	docker ps -aq | xargs -r docker rm -f >/dev/null
	docker network prune -f >/dev/null
	docker volume ls -q --filter label=com.docker.compose.project |
		xargs -r docker volume rm >/dev/null
}

docker_end() {
	docker_status=$?
	trap - EXIT
	docker_remove_containers >/dev/null 2>&1 || true
	docker image prune -f --filter until=72h >/dev/null 2>&1 || true
	pid_stop dockerd TERM 60
	# The engine leaves the name of the machine's network mounted.
	umount "$docker_run/netns/"* 2>/dev/null || true
	rm -rf -- "$docker_run"
	exit "$docker_status"
}

docker_has() {
	docker image inspect "$1" >/dev/null 2>&1
}

# docker_base SUITE NAME: what the official slim images hold, under that name.
docker_base() {
	! docker_has "$2" || return 0
	say "making the image $2 by debootstrap ($1)"
	base=$RUN/base
	rm -rf -- "$base"
	# A suite younger than debootstrap is made as sid is.
	base_script=/usr/share/debootstrap/scripts/$1
	[ -e "$base_script" ] || base_script=/usr/share/debootstrap/scripts/sid
	debootstrap --variant=minbase "$1" "$base" "$DEBIAN_MIRROR" \
		"$base_script" >"$RUN/log/debootstrap-$1.log" 2>&1 || {
		show_tail "$RUN/log/debootstrap-$1.log"
		die "debootstrap $1 failed" "is the network there?"
	}
	# Proxies, and what to think of old lists: as this machine does.
	apt-config dump Acquire::http::Proxy Acquire::https::Proxy \
		Acquire::Check-Valid-Until Acquire::Check-Date \
		>"$base/etc/apt/apt.conf.d/as-outside"
	cat >"$base/etc/apt/apt.conf.d/docker-clean" <<'TEXT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
TEXT
	cat >"$base/etc/dpkg/dpkg.cfg.d/slim" <<'TEXT'
path-exclude /usr/share/doc/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
TEXT
	tar -C "$base" -c --exclude='./var/cache/apt/*' \
		--exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
		--exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
		--exclude='./usr/share/man/*' . | docker import - "$2" >/dev/null
	rm -rf -- "$base"
}

# docker_build NAME DOCKERFILE [ARGUMENT...]: the log is log/build-NAME.log. Even
# when nothing is new it takes a moment only.
docker_build() {
	build_name=$1
	build_file=$2
	shift 2
	docker_has "$build_name" || say "building the image $build_name"
	build_log=$RUN/log/build-$(printf '%s' "$build_name" | tr '/:' --).log
	DOCKER_BUILDKIT=0 docker build --network host -t "$build_name" \
		-f "$ROOT/$build_file" "$@" "$ROOT" >"$build_log" 2>&1 || {
		show_tail "$build_log" 40
		die "the image $build_name could not be built" \
			"the whole log is $build_log"
	}
}
