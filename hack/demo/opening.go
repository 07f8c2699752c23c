package main

// opening says what the demo shows, and what of it is real.
func (w *world) opening() {
	t := w.tell
	t.print("\n" + t.paint(bold, "credential-rotation-operator: two kinds of credentials, kept fresh without manual work") + "\n\n")
	t.say("etcd and kube-apiserver are real, as are the operator (a separate process with its service account and its shipped rights) and every " +
		"request between them and the services, including TLS and the proxy.")
	t.gap()
	t.say("The services are simulated: OpenShift Cluster Manager (OCM), quay.io and Red Hat's registries, the C2S Access Portal (CAP), AWS STS; " +
		"and so are the machines. The proxy directs their real names to this machine. Nothing leaves it.")
	t.gap()
	t.say("Time runs faster for the services: an hour of OCM's time takes a fraction of a second, and CAP's credentials are valid for %d s instead "+
		"of an hour. The operator uses real time, and is configured to poll more often.", int(capLifetime.Seconds()))
	t.gap()
	t.say("Each line starts with its source:")
	for _, l := range []struct{ label, what string }{
		{asked, "requests that the services have counted"}, {changed, "what is different in the cluster"}, {says, "the operator, in its conditions"},
		{happens, "what others do"}, {proved, "what the demo has checked by itself"},
	} {
		t.line(l.label, "%s", l.what)
	}
}
