# Steps of a check; sourced by bash scripts. All steps run, failures are told at the end.
failed=()
names=()
# step NAME COMMAND...: runs the command, tells how long it took, remembers a failure.
step() {
	local step=$1 start=$SECONDS status=0
	shift
	printf '\n==> %s\n' "$step"
	"$@" || status=$?
	if [ $status = 0 ]; then names+=("ok     $step ($((SECONDS - start)) s)"); else
		failed+=("$step")
		names+=("FAILED $step ($((SECONDS - start)) s, status $status)")
		printf '==> FAILED: %s (status %d)\n' "$step" "$status"
	fi
}
# finish: the list of steps; returns 1 if one failed.
finish() {
	printf '\n==> All steps, %d s\n' $SECONDS
	printf '%s\n' "${names[@]}"
	[ ${#failed[@]} = 0 ]
}
