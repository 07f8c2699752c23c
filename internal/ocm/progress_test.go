package ocm_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
	sim "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// fleet is a rig whose account has awake clusters, which switch, and sleeping ones, which do not, with a rotation that has been issued.
func fleet(t *testing.T, awake, asleep int) (r *rig, rotation ocm.Rotation, sleepers []string) {
	t.Helper()
	r = newRig(t, sim.Options{})
	for range awake {
		r.AddCluster(r.account.ID, sim.ClusterSpec{Mode: sim.SwitchesSoon})
	}
	for i := range asleep {
		// Those that were created first lose access last.
		life := 5*24*time.Hour - time.Duration(i)*time.Minute
		sleepers = append(sleepers, r.AddCluster(r.account.ID, sim.ClusterSpec{Name: fmt.Sprintf("asleep %d", i), Mode: sim.NeverSwitches, TransferLife: life}))
	}
	other := r.AddAccount(sim.AccountSpec{})
	r.AddCluster(other.ID, sim.ClusterSpec{Mode: sim.NeverSwitches})
	r.StartRotationElsewhere(other.ID)
	r.Advance(time.Second)
	rotation = must(r.client.RequestRotation(context.Background(), r.account.ID))(t)
	r.Advance(24 * time.Hour)
	r.AddCluster(r.account.ID, sim.ClusterSpec{}) // a new cluster has the new credentials
	r.ResetCounts()
	return r, rotation, sleepers
}

func (r *rig) progress(rotation ocm.Rotation) (ocm.Progress, error) {
	return r.client.Progress(context.Background(), r.account.ID, rotation.ID, rotation.CreatedAt)
}

func TestProgress_NamesTheLaggardsOfHoweverManyClustersWithFewRequests(t *testing.T) {
	for _, row := range []struct{ awake, asleep, transfers, subscriptions int }{{3, 0, 2, 1}, {20, 13, 2, 2}, {30, 70, 2, 3}, {5, 110, 2, 3}} {
		t.Run(fmt.Sprintf("%d of %d", row.asleep, row.awake+row.asleep), func(t *testing.T) {
			r, rotation, sleepers := fleet(t, row.awake, row.asleep)
			p := must(r.progress(rotation))(t)
			if p.Active != row.awake+row.asleep || p.Switched != row.awake || p.NotSwitched != row.asleep || len(p.Lagging) != min(row.asleep, 100) {
				t.Errorf("active %d, switched %d, not switched %d, of which %d are known", p.Active, p.Switched, p.NotSwitched, len(p.Lagging))
			}
			for i, l := range p.Lagging {
				last := row.asleep - 1 - i
				if l.ClusterID != sleepers[last] || l.DisplayName != fmt.Sprintf("asleep %d", last) || l.EndsAt.IsZero() || i > 0 && l.EndsAt.Before(p.Lagging[i-1].EndsAt) {
					t.Fatalf("laggard %d is %+v, want %s", i, l, sleepers[last])
				}
			}
			if a, b := r.Count(sim.OpTransfers), r.Count(sim.OpSubscriptions); a != row.transfers || b != row.subscriptions {
				t.Errorf("%d and %d requests, want %d and %d", a, b, row.transfers, row.subscriptions)
			}
		})
	}
}

func TestProgress_AClusterThatIsGoneDoesNotLag(t *testing.T) {
	r, rotation, sleepers := fleet(t, 2, 3)
	r.SetSubscriptionStatus(sleepers[0], sim.SubscriptionDeprovisioned)
	r.SetSubscriptionStatus(sleepers[1], sim.SubscriptionStale)
	p := must(r.progress(rotation))(t)
	if p.NotSwitched != 2 || len(p.Lagging) != 2 || p.Lagging[0].ClusterID != sleepers[2] || p.Lagging[1].ClusterID != sleepers[1] {
		t.Errorf("got %+v, want the two that are left", p)
	}
}

// An account's right to list its clusters' transfers is not documented.
func TestProgress_WithoutTheRightIsAnErrorOrAnAnswerThatCoversTooFew(t *testing.T) {
	r, rotation, _ := fleet(t, 2, 3)
	r.Configure(func(h *sim.Habits) { h.SiblingTransfers = sim.SiblingTransfersForbidden })
	_, err := r.progress(rotation)
	r.fails(err, ocm.OCMForbidden)
	for _, habit := range []sim.SiblingTransfers{sim.SiblingTransfersNone, sim.SiblingTransfersOpen} {
		r.Configure(func(h *sim.Habits) { h.SiblingTransfers = habit })
		if p := must(r.progress(rotation))(t); p.Switched+p.NotSwitched >= p.Active {
			t.Errorf("%s: %+v covers every cluster", habit, p)
		}
	}
}

func transferJSON(rotation, status string, i int, end string) string {
	return fmt.Sprintf(`{"id":"t%d","cluster_uuid":"00000000-0000-4000-8000-%012d","pull_secret_rotation_id":%q,"status":%q,"secret":%q,"expiration_date":%q}`,
		i, i, rotation, status, canarySecret, end)
}

// A service that does not search or order as it was asked must not be believed.
func TestProgress_AnAnswerToAnotherQuestionIsRefused(t *testing.T) {
	const early, later = "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"
	for name, items := range map[string]string{
		"of another rotation": transferJSON("other", "accepted", 1, early),
		"of none":             transferJSON("", "accepted", 1, early),
		"completed":           transferJSON("r", "Completed", 1, early),
		"not in order":        transferJSON("r", "accepted", 1, later) + "," + transferJSON("r", "accepted", 2, early),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"total":300,"items":[`+items+`]}`) })
			_, err := s.client(t).Progress(context.Background(), "account", "r", time.Now())
			judged(t, err, ocm.MalformedAnswer)
		})
	}
}

// Names are what people write, and nothing worth a failure.
func TestProgress_NamesAreCleanedAndMayBeMissing(t *testing.T) {
	const end = "2026-11-25T00:00:00Z"
	var names string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		search := r.URL.Query().Get("search")
		switch {
		case strings.Contains(search, "!= 'completed'"):
			answerJSON(w, 200, `{"total":2,"items":[`+transferJSON("r", "Accepted", 1, end)+`,`+transferJSON("r", "pending", 1, end)+`]}`)
		case strings.Contains(search, " in ("):
			if names == "" {
				answerJSON(w, 400, `{}`)
				return
			}
			answerJSON(w, 200, `{"total":1,"items":[{"id":"1","external_cluster_id":"00000000-0000-4000-8000-000000000001","display_name":`+names+`}]}`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	names = `"a\u001b[31mb\u202ec\nd\u0000"`
	p, err := s.client(t).Progress(context.Background(), "account", "r", time.Now())
	if err != nil || p.NotSwitched != 1 || len(p.Lagging) != 1 || p.Lagging[0].DisplayName != "a[31mbc d" {
		t.Errorf("got %+v, %v", p, err)
	}
	names = ""
	if p, err = s.client(t).Progress(context.Background(), "account", "r", time.Now()); err != nil || p.NotSwitched != 1 || len(p.Lagging) != 1 || p.Lagging[0].DisplayName != "" {
		t.Errorf("without names: %+v, %v", p, err)
	}
	if text := fmt.Sprintf("%+v", p); strings.Contains(text, canarySecret) {
		t.Errorf("it holds a pull secret: %s", text)
	}
}
