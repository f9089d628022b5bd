# A Debian with everything that ./dev needs, to build and test in (./dev test
# debian12, debian13). The packages are those of scripts/dev/packages.sh.
ARG BASE
FROM ${BASE}
ARG PACKAGES
COPY scripts/dev/install.sh /install.sh
RUN sh /install.sh $PACKAGES && rm -rf /install.sh /var/lib/apt/lists/* /var/cache/apt/*
