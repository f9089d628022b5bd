# shellcheck shell=sh
# The mail server of a stack. It takes every mail on and delivers none: each lies
# as a file in mail/new/ (a Maildir, for any mail reader).

# -n: stay the user who started it.
mail_sink_start() {
	if pid_gone mail-sink; then
		say "starting the mail sink on 127.0.0.1:$MAIL_PORT"
		spawn mail-sink "$DEV/supervise.sh" mail-sink \
			"$RUN/pid/mail-sink.child" /usr/bin/python3 -m aiosmtpd -n \
			-l "127.0.0.1:$MAIL_PORT" -c aiosmtpd.handlers.Mailbox \
			"$RUN/mail"
	fi
	wait_until 20 mail_sink_is_ready || {
		show_tail "$RUN/log/mail-sink.log"
		die "the mail sink did not get ready within 20 s" \
			"the whole log is $STACK/log/mail-sink.log"
	}
}

mail_sink_is_ready() {
	port_open "$MAIL_PORT"
}

mail_sink_stop() {
	! pid_alive mail-sink || say "stopping the mail sink"
	pid_stop mail-sink TERM 20
}

# Its supervisor starts it again.
mail_sink_kill() {
	pid_alive mail-sink || die "mail-sink does not run" "./dev start mail-sink"
	kill -s KILL "$(cat "$RUN/pid/mail-sink.child")"
}
