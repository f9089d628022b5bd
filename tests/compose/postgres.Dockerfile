# Stands in for the image postgres:17 where none can be pulled: Debian's package
# of the same version, with as much of that image's manners as compose.yaml uses
# (user postgres, PGDATA, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS).
ARG BASE
FROM ${BASE}
COPY scripts/dev/install.sh tests/compose/postgres-entrypoint.sh /
RUN sh /install.sh postgresql-17 \
	&& rm -rf /install.sh /var/lib/apt/lists/* /var/cache/apt/* \
	&& install -d -m 1777 -o postgres -g postgres /var/lib/postgresql/data \
	&& install -d -m 3777 -o postgres -g postgres /var/run/postgresql
ENV PATH=$PATH:/usr/lib/postgresql/17/bin PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["sh", "/postgres-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
