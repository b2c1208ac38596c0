# Runs a server and ends it when standard input closes, which the kernel does however remold ends:
# at exit, after a crash, after kill -9.  Arguments: folder, keep|remove, then the server's command.
# Signals meant for remold (Ctrl-C, hang-up) must not end the server before remold is done with it.
trap '' INT HUP TERM
folder=$1
fate=$2
shift 2
# Named after this shell: an earlier server in the same folder may still be about to leave its own word.
over=$folder/exit.$$
exec 3<&0
"$@" 3<&- </dev/null >>"$folder/server.log" 2>&1 &
server=$!
{
  while read -r _; do :; done
  [ -e "$over" ] || kill -9 "$server"
} <&3 >/dev/null 2>&1 &
keeper=$!
exec 3<&-
wait "$server"
echo $? >"$over"
wait "$keeper"
if [ "$fate" = keep ]; then rm -f -- "$over"; else rm -rf -- "$folder"; fi
