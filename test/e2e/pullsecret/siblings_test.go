package pullsecret

import (
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestTheClustersThatHaveNotSwitchedAreNamed(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	asleep := w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{Name: "asleep\x1b[31m\n", Mode: ocm.NeverSwitches})
	w.config.Args = append(w.config.Args, "--pull-secret-progress-pause=1s")
	w.create(rotation())
	p := w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.days(1)
	r := w.waitFor("the cluster that sleeps is the only one that has not switched", func(r *v1alpha1.PullSecretRotation) bool {
		s := r.Status.Siblings
		return s != nil && s.NotSwitched != nil && *s.NotSwitched == 1 && *s.Switched == 3
	})
	if l := r.Status.Siblings.Lagging; len(l) != 1 || l[0].ID != asleep || l[0].Name != "asleep[31m" || !l[0].OfferEndsAt.Equal(r.Status.Siblings.FirstOfferEndsAt) {
		t.Errorf("it names %+v", l)
	}
	out := w.command("status")
	for _, part := range []string{"3 of 4 clusters have switched", "OCM WAITS UNTIL", "asleep[31m", asleep} {
		if !strings.Contains(out, part) {
			t.Errorf("status does not print %q:\n%s", part, out)
		}
	}
	metrics, err := p.Metrics(t.Context())
	w.must(err)
	if !strings.Contains(metrics, `credential_rotation_pull_secret_lagging_clusters{rotation="account"} 1`) || strings.Contains(metrics, "asleep") {
		t.Error("the metrics do not have the number of those that lag, or have a name")
	}

	w.ocm.Configure(func(h *ocm.Habits) { h.SiblingTransfers = ocm.SiblingTransfersForbidden })
	r = w.waitFor("it is unknown", func(r *v1alpha1.PullSecretRotation) bool { return r.Status.Siblings.Answer == v1alpha1.SiblingsRefused })
	if s := r.Status.Siblings; s.NotSwitched != nil || s.Switched != nil || len(s.Lagging) > 0 || reason(r) != v1alpha1.ReasonAwaitingRevocation {
		t.Errorf("after OCM refuses, Ready is %s, and it says %+v", reason(r), s)
	}
}
