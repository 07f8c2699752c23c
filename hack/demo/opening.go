package main

// opening says what is going to be seen, and what of it is real.
func (w *world) opening() {
	t := w.tell
	t.print("\n" + t.paint(bold, "credential-rotation-operator: two kinds of credentials, kept alive without a person") + "\n\n")
	t.say("Real are etcd and kube-apiserver, the operator (a process of its own, with its service account and the rights that are " +
		"shipped), and every request between them and the services, TLS and proxy included.")
	t.gap()
	t.say("Simulated are the services: OpenShift Cluster Manager (OCM), quay.io and Red Hat's registries, the C2S Access Portal (CAP), " +
		"AWS STS; and the machines. The proxy leads their real names to this machine. Nothing leaves it.")
	t.gap()
	t.say("Time runs faster for the services: an hour of OCM's is over in a fraction of a second, and CAP's credentials live for "+
		"%d s instead of an hour. The operator keeps its own time, and is told to look more often.", int(capLifetime.Seconds()))
	t.gap()
	t.say("Each line begins with who is speaking:")
	for _, l := range []struct{ label, what string }{
		{asked, "requests that the services have counted"}, {changed, "what is different in the cluster"}, {says, "the operator, in its conditions"},
		{happens, "what others do"}, {proved, "what the demo has checked by itself"},
	} {
		t.line(l.label, "%s", l.what)
	}
}
