package main

import "fmt"

// try is a command for a person, and what it is good for.
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
			{"$op status", "both objects in plain words: what is, what is next, who is waited for"},
			{"$k describe psr " + rotationName, "the whole story of the rotation, as the status tells it"},
			{"$k get capset -w", "a refresh about every " + fmt.Sprint(int(capLifetime.Seconds())/2) + " s"},
			{"curl -sS $ocm/state", "OCM as it is: accounts, clusters, rotations; the others have the same"},
		}},
		{"To let something happen:", []try{
			{rotateAgain, "rotate again: OCM's hours pass as the operator looks"},
			{"$k delete secret -n openshift-machine-api aws-cloud-credentials", "it is back within seconds"},
		}},
		{"To break something, and to mend it:", []try{
			{fmt.Sprintf(`post $cap/faults '{"kind": "forbidden", "role": "%s"}'`, machineRole), "CAP refuses one role"},
			{`post $cap/revoke '{"commonName": "this-cluster"}'`, "CAP no longer knows the client certificate"},
			{`post $cap/service '{"running": false}'`, "CAP cannot be reached"},
			{`post $sts/faults '{"kind": "throttling"}'`, "STS has no time"},
			{`curl -sS -X DELETE $cap/faults $sts/faults; post $cap/revoke '{"commonName": "this-cluster", "active": true}'; post $cap/service '{}'`, "mended"},
			{`$k patch psr ` + rotationName + ` --type=merge -p '{"spec": {"healthCheckInterval": "30s"}}'`, "the pull secret is proven more often, so that what follows shows soon"},
			{`post $registries/faults '{"registry": "quay.io", "endpoint": "token", "kind": "Unauthorized401"}'`, "quay.io refuses every login"},
			{`post $registries/service '{"registry": "registry.redhat.io", "running": false}'`, "registry.redhat.io cannot be reached"},
			{`curl -sS -X DELETE $registries/faults; post $registries/service '{"registry": "registry.redhat.io"}'`, "mended"},
			{fmt.Sprintf(`post $ocm/revoke '{"account": "%s", "set": -1}'`, w.account.ID), "OCM deletes the credentials in use; rotating again mends that"},
		}},
	} {
		w.tell.print("\n" + indent + part.title + "\n")
		for _, t := range part.tries {
			w.tell.print(fmt.Sprintf("%s# %s\n%s%s\n", indent, t.why, indent, t.command))
		}
	}
	w.tell.print(fmt.Sprintf("\n%sThe operator's log: %s\n", indent, w.operator.LogFile))
}

// rotateAgain asks for a pull secret that is younger than the moment of the command.
const rotateAgain = `$k patch psr ` + rotationName + ` --type=merge -p '{"spec": {"rotateAfter": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'`
