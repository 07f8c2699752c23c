package main

import "fmt"

// try is a command for a person, with its purpose.
type try struct{ command, why string }

// whatToTry prints commands that work as they stand in another terminal: to look, to rotate again, to break things.
func (w *world) whatToTry() {
	w.tell.say("Everything stays up until Ctrl-C. In another terminal:")
	for _, line := range []string{
		"export KUBECONFIG=" + w.kubectl.kubeconfig,
		"k=" + w.kubectl.path, "op=" + w.binary,
		"ocm=" + w.ocm.ControlURL(), "registries=" + w.registries.ControlURL(), "cap=" + w.cap.ControlURL(), "sts=" + w.sts.ControlURL(),
		"post() { curl -sS -X POST -d \"$2\" $1; echo; }",
	} {
		w.tell.print(indent + line + "\n")
	}
	for _, part := range []struct {
		title string
		tries []try
	}{
		{"To look:", []try{
			{"$op status", "both objects in plain words: their state, the next step, and what they wait for"},
			{"$k describe psr " + rotationName, "the whole rotation according to the status"},
			{"$k get capset -w", "a refresh about every " + fmt.Sprint(int(capLifetime.Seconds())/2) + " s"},
			{"curl -sS $ocm/state", "the state of OCM: accounts, clusters, rotations; the other services have the same"},
		}},
		{"To make something happen:", []try{
			{rotateAgain, "rotate again: OCM's hours pass as the operator polls"},
			{"$k delete secret -n openshift-machine-api aws-cloud-credentials", "it is back within seconds"},
		}},
		{"To break something, and to fix it:", []try{
			{fmt.Sprintf(`post $cap/faults '{"kind": "forbidden", "role": "%s"}'`, machineRole), "CAP refuses one role"},
			{`post $cap/revoke '{"commonName": "this-cluster"}'`, "CAP no longer knows the client certificate"},
			{`post $cap/service '{"running": false}'`, "CAP cannot be reached"},
			{`post $sts/faults '{"kind": "throttling"}'`, "STS throttles requests"},
			{`curl -sS -X DELETE $cap/faults $sts/faults; post $cap/revoke '{"commonName": "this-cluster", "active": true}'; post $cap/service '{}'`, "fixed"},
			{`$k patch psr ` + rotationName + ` --type=merge -p '{"spec": {"healthCheckInterval": "30s"}}'`, "check the pull secret more often, so " +
				"that what follows shows soon"},
			{`post $registries/faults '{"registry": "quay.io", "endpoint": "token", "kind": "Unauthorized401"}'`, "quay.io refuses every login"},
			{`post $registries/service '{"registry": "registry.redhat.io", "running": false}'`, "registry.redhat.io cannot be reached"},
			{`curl -sS -X DELETE $registries/faults; post $registries/service '{"registry": "registry.redhat.io"}'`, "fixed"},
			{fmt.Sprintf(`post $ocm/revoke '{"account": "%s", "set": -1}'`, w.account.ID), "OCM deletes the credentials in use; rotating again fixes that"},
		}},
	} {
		w.tell.print("\n" + indent + part.title + "\n")
		for _, t := range part.tries {
			w.tell.print(fmt.Sprintf("%s# %s\n%s%s\n", indent, t.why, indent, t.command))
		}
	}
	w.tell.print(fmt.Sprintf("\n%sThe operator's log: %s\n", indent, w.operator.LogFile))
}

// rotateAgain requires a pull secret that is newer than the time of the command.
const rotateAgain = `$k patch psr ` + rotationName + ` --type=merge -p '{"spec": {"rotateAfter": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'`
