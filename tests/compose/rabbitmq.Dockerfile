# Stands in for the image rabbitmq:…-management where none can be pulled: Debian's
# package, with as much of that image's manners as compose.yaml uses (user
# rabbitmq, /etc/rabbitmq/conf.d, the management plugin, the log on stdout).
ARG BASE
FROM ${BASE}
COPY scripts/dev/install.sh /
RUN sh /install.sh rabbitmq-server \
	&& rm -rf /install.sh /var/lib/apt/lists/* /var/cache/apt/* /var/lib/rabbitmq/.erlang.cookie \
	&& echo '[rabbitmq_management].' >/etc/rabbitmq/enabled_plugins \
	&& mkdir -p /etc/rabbitmq/conf.d
ENV HOME=/var/lib/rabbitmq RABBITMQ_LOGS=- LANG=C.UTF-8
EXPOSE 5672 15672
CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
