package ocm

import (
	"net/http"
	"testing"
	"time"
)

const day = 24 * time.Hour

// TestNaiveOrder_WaitingForCompletedBeforeApplyingHangs is the reason for the operator's order: the obvious order (request, wait for
// completed, fetch, apply) is a deadlock.
func TestNaiveOrder_WaitingForCompletedBeforeApplyingHangs(t *testing.T) {
	r := newRig(t, Options{})
	ours := r.AddCluster(r.account.ID, ClusterSpec{})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: InsightsOperator})
	old := r.issued()

	id := r.requestRotation()
	// Our cluster keeps its old credentials, because the naive client waits before it applies any.
	for elapsed := 6 * time.Hour; elapsed < 5*day; elapsed += 6 * time.Hour {
		r.Advance(6 * time.Hour)
		if err := r.Telemetry(ours, old); err != nil {
			t.Fatalf("after %v: telemetry with the old token: %v", elapsed, err)
		}
		if got := r.status(id); got != StatusPending {
			t.Fatalf("after %v the rotation is %s although our cluster has not switched", elapsed, got)
		}
	}
	// The wait ends only because our transfer expires, and then the cluster's credentials are deleted.
	r.Advance(12 * time.Hour)
	if got := r.status(id); got != StatusCompleted {
		t.Fatalf("after 5 days the rotation is %s, want completed by expiry", got)
	}
	if r.works(old, Quay) {
		t.Error("the old credentials still work after completed")
	}
	if err := r.Telemetry(ours, old); err == nil {
		t.Error("telemetry with the dead token was accepted")
	}
	if got := r.as(ours, old, "/current_account").status; got != http.StatusUnauthorized {
		t.Errorf("the cluster's own token gets %d, want 401: it cannot even request its new secret", got)
	}
}

// TestGoodOrder_ApplyingWhilePendingLetsTheRotationComplete is the operator's order.
func TestGoodOrder_ApplyingWhilePendingLetsTheRotationComplete(t *testing.T) {
	r := newRig(t, Options{})
	ours := r.AddCluster(r.account.ID, ClusterSpec{})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: InsightsOperator})
	old := r.issued()

	id := r.requestRotation()
	if r.issued() != old {
		t.Error("new credentials were issued before any batch")
	}
	r.Advance(6 * time.Hour)
	fresh := r.issued()
	if fresh == old || r.status(id) != StatusPending {
		t.Fatalf("after the first batch: newly issued %v, status %s; want new credentials while pending", fresh != old, r.status(id))
	}
	for _, registry := range []string{CloudOpenShift, Quay} {
		if !r.works(old, registry) || !r.works(fresh, registry) {
			t.Errorf("%s: both generations must work until completed", registry)
		}
	}
	if err := r.Telemetry(ours, fresh); err != nil {
		t.Fatal(err)
	}
	r.Advance(day)
	if got := r.status(id); got != StatusCompleted {
		t.Fatalf("a day after all clusters switched the rotation is %s", got)
	}
	if r.works(old, Quay) || !r.works(fresh, Quay) {
		t.Error("after completion exactly the new credentials must work")
	}
	if got := r.Count(OpPostRotation); got != 1 {
		t.Errorf("%d POSTs counted, want 1", got)
	}
}

// TestTransfers_FollowTheRotation checks the statuses of one transfer with the cluster's own token.
func TestTransfers_FollowTheRotation(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	old := r.CloudAuth(r.account.ID)
	search := "/cluster_transfers?search=" + escape("cluster_uuid is '"+cluster+"' and status is 'accepted'")

	if got := r.as(cluster, old, search).status; got != http.StatusNoContent {
		t.Errorf("without a rotation: %d, want 204", got)
	}
	r.StartRotationElsewhere(r.account.ID)
	if got := r.as(cluster, old, search).status; got != http.StatusNoContent {
		t.Errorf("before the first batch: %d, want 204", got)
	}
	r.RunBatch()
	a := r.as(cluster, old, search)
	if a.status != http.StatusOK {
		t.Fatalf("after the first batch: %d %s", a.status, a.raw)
	}
	item := a.json["items"].([]any)[0].(map[string]any)
	fresh := authOf(t, item["secret"].(string), CloudOpenShift)
	if fresh == old || fresh != r.CloudAuth(r.account.ID) {
		t.Error("the transfer's secret is not the newly issued pull secret")
	}
	if err := r.Telemetry(cluster, old); err != nil || r.Transfers(cluster)[0].Status != StatusAccepted {
		t.Errorf("telemetry with the old token: %v, transfer %s; want it to change nothing", err, r.Transfers(cluster)[0].Status)
	}
	if err := r.Telemetry(cluster, fresh); err != nil || r.Transfers(cluster)[0].Status != StatusCompleted {
		t.Errorf("telemetry with the new token: %v, transfer %s", err, r.Transfers(cluster)[0].Status)
	}
}

// TestTransfers_AreForActiveClustersAndEndWithTheirWindow has an archived cluster, one with insights-operator that was away, and one
// that never switches.
func TestTransfers_AreForActiveClustersAndEndWithTheirWindow(t *testing.T) {
	r := newRig(t, Options{})
	archived := r.AddCluster(r.account.ID, ClusterSpec{Status: SubscriptionArchived})
	away := r.AddCluster(r.account.ID, ClusterSpec{Mode: InsightsOperator})
	idle := r.AddCluster(r.account.ID, ClusterSpec{Mode: NeverSwitches})
	r.SetSubscriptionStatus(away, SubscriptionStale) // when the rotation is requested
	id := r.StartRotationElsewhere(r.account.ID)
	if n := len(r.Transfers(archived)) + len(r.Transfers(away)); n != 0 {
		t.Errorf("%d transfers for clusters that are not active, want none", n)
	}
	r.SetSubscriptionStatus(away, SubscriptionActive)
	r.RunBatch()
	list := func() answer { return r.as(idle, r.CloudAuth(r.account.ID), "/cluster_transfers") }
	if a := list(); a.status != http.StatusOK || len(a.json["items"].([]any)) != 1 {
		t.Errorf("within its window the transfer is shown as %d %s", a.status, a.raw)
	}
	r.Advance(6 * day)
	if got := r.status(id); got != StatusCompleted {
		t.Fatalf("after the window the rotation is %s", got)
	}
	if a := list(); a.status != http.StatusNoContent {
		t.Errorf("after its window the transfer is still shown: %d %s", a.status, a.raw)
	}
	for _, late := range []string{away, idle} {
		if r.TelemetryError(late) == nil {
			t.Errorf("telemetry of cluster %s succeeds although its credentials were deleted", late)
		}
	}
}

// A cluster with a dead token cannot fetch its transfer.
func TestInsightsOperator_CannotComeBackWithADeadToken(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{Mode: InsightsOperator})
	r.StartRotationElsewhere(r.account.ID)
	r.CompleteEverything()
	r.StartRotationElsewhere(r.account.ID)
	r.RunBatch()
	r.Advance(2 * day)
	if got := r.Transfers(cluster)[1].Status; got != StatusAccepted || r.TelemetryError(cluster) == nil {
		t.Errorf("the transfer is %s, the last telemetry got %v; want it still accepted and the token refused", got, r.TelemetryError(cluster))
	}
}

// TestOptions_CoverUnknownBehaviour sets each option for unknown behaviour to its other value.
func TestOptions_CoverUnknownBehaviour(t *testing.T) {
	t.Run("a second POST creates a second rotation and two accepted transfers", func(t *testing.T) {
		r := newRig(t, Options{})
		cluster := r.AddCluster(r.account.ID, ClusterSpec{Mode: InsightsOperator})
		first, second := r.requestRotation(), r.requestRotation()
		if first == second {
			t.Error("both POSTs returned the same rotation")
		}
		r.RunBatch()
		if got := r.Transfers(cluster); len(got) != 2 || got[0].Status != StatusAccepted || got[1].Status != StatusAccepted {
			t.Errorf("transfers: %+v, want two accepted", got)
		}
		r.Advance(2 * day)
		if got := r.Rotations(r.account.ID)[1].Status; got != StatusPending {
			t.Errorf("insights-operator refuses two accepted transfers, yet the rotation is %s", got)
		}
	})
	t.Run("a second POST returns the pending rotation", func(t *testing.T) {
		r := newRig(t, Options{Habits: Habits{SecondPost: SecondPostSame}})
		first, second := r.requestRotation(), r.requestRotation()
		if first != second || r.Count(OpPostRotation) != 2 {
			t.Error("want the same id twice and two POSTs counted")
		}
		r.Abandon(first, "failed")
		if third := r.requestRotation(); third == first {
			t.Error("a rotation that has failed is not pending")
		}
	})
	t.Run("a second POST is refused", func(t *testing.T) {
		r := newRig(t, Options{Habits: Habits{SecondPost: SecondPostForbidden}})
		r.requestRotation()
		if got := r.call(http.MethodPost, r.rotations()).status; got != http.StatusForbidden {
			t.Errorf("status %d", got)
		}
	})
	for _, allowed := range []bool{false, true} {
		t.Run("an account without clusters completes only with the option", func(t *testing.T) {
			r := newRig(t, Options{Habits: Habits{CompleteWithoutClusters: allowed}})
			id := r.requestRotation()
			r.RunBatch()
			r.RunBatch()
			if got := r.status(id); (got == StatusCompleted) != allowed {
				t.Errorf("option %v: status %s", allowed, got)
			}
		})
	}
	t.Run("an API call with the new token completes the transfer", func(t *testing.T) {
		r := newRig(t, Options{Habits: Habits{AccessTokenCompletes: true}})
		cluster := r.AddCluster(r.account.ID, ClusterSpec{})
		r.requestRotation()
		r.RunBatch()
		r.as(cluster, r.CloudAuth(r.account.ID), "/current_account")
		if got := r.Transfers(cluster)[0].Status; got != StatusCompleted {
			t.Errorf("transfer %s", got)
		}
	})
	t.Run("telemetry with the old token completes the transfer", func(t *testing.T) {
		r := newRig(t, Options{Habits: Habits{OldTokenCompletes: true}})
		cluster := r.AddCluster(r.account.ID, ClusterSpec{Mode: NeverSwitches})
		id := r.requestRotation()
		r.Advance(day)
		if got := r.status(id); got != StatusCompleted || r.TelemetryError(cluster) == nil {
			t.Errorf("rotation %s, telemetry %v; want completed and a cluster that was locked out", got, r.TelemetryError(cluster))
		}
	})
}

// TestCompleteEverything_LeavesOnlyTheNewCredentials is the state after a cluster was away while others rotated.
func TestCompleteEverything_LeavesOnlyTheNewCredentials(t *testing.T) {
	r := newRig(t, Options{})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: NeverSwitches})
	old := r.CloudAuth(r.account.ID)
	id := r.StartRotationElsewhere(r.account.ID)
	r.CompleteEverything()
	if r.status(id) != StatusCompleted || r.works(old, Quay) || !r.works(r.issued(), Quay) {
		t.Error("want completed, dead old credentials and living new ones")
	}
	if r.Count(OpPostRotation) != 0 {
		t.Error("a rotation started elsewhere was counted as a POST of ours")
	}
}

// TestRevokeLate_CompletesARotationWithLivingOldCredentials shows why OCM's report does not prove a revocation.
func TestRevokeLate_CompletesARotationWithLivingOldCredentials(t *testing.T) {
	r := newRig(t, Options{})
	r.RevokeLate(2*time.Hour, Quay)
	r.RevokeLate(Forgotten, RedHatRegistry)
	old := string(r.PullSecret(r.account.ID))
	works := func(registry string) bool { return r.works(authOf(t, old, registry), registry) }
	id := r.StartRotationElsewhere(r.account.ID)
	r.CompleteEverything()
	if got := r.status(id); got != StatusCompleted {
		t.Fatalf("the rotation is %s", got)
	}
	if works(RedHatConnect) || works(CloudOpenShift) || !works(Quay) || !works(RedHatRegistry) {
		t.Error("want two dead logins and two living ones")
	}
	r.Advance(2 * time.Hour)
	if works(Quay) || !works(RedHatRegistry) {
		t.Error("want the late one dead, and the forgotten one alive")
	}
	r.RevokeLate(0)
	second := r.StartRotationElsewhere(r.account.ID)
	r.CompleteEverything()
	if r.status(second) != StatusCompleted || works(RedHatRegistry) {
		t.Error("the end of the next rotation deletes what was forgotten")
	}
}

// TestDrivenCluster_ReportsWithItsTokenFunction uses a real Secret in virtual time.
func TestDrivenCluster_ReportsWithItsTokenFunction(t *testing.T) {
	r := newRig(t, Options{})
	inUse := r.CloudAuth(r.account.ID)
	r.AddCluster(r.account.ID, ClusterSpec{Token: func() string { return inUse }})
	id := r.requestRotation()
	r.Advance(2 * day)
	if got := r.status(id); got != StatusPending {
		t.Fatalf("status %s before the switch", got)
	}
	inUse = r.CloudAuth(r.account.ID)
	r.Advance(day)
	if got := r.status(id); got != StatusCompleted {
		t.Errorf("status %s a day after the switch", got)
	}
}
