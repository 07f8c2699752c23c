package ocm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
	sim "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// rig is a simulated OCM with one account, and a client with its offline token. The simulator fails the test when a
// request violates OCM's published contract.
type rig struct {
	*sim.Sim
	t       *testing.T
	account sim.Account
	client  *ocm.Client
}

func newRig(t *testing.T, opts sim.Options) *rig {
	t.Helper()
	r := &rig{t: t, Sim: sim.StartForTest(t, opts)}
	r.account = r.AddAccount(sim.AccountSpec{})
	r.client = r.connect(ocm.Config{Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID)}})
	return r
}

// connect makes a client of this simulator.
func (r *rig) connect(cfg ocm.Config) *ocm.Client {
	r.t.Helper()
	cfg.URL, cfg.TokenURL, cfg.RootCAs = r.URL(), r.TokenURL(), r.CA().Pool()
	cfg.UserAgent = "credential-rotation-operator/test"
	client, err := ocm.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// fails checks the kind of an error, and that nothing in it is a secret of the simulator.
func (r *rig) fails(err error, want ocm.Kind) ocm.Error {
	r.t.Helper()
	var e *ocm.Error
	if !errors.As(err, &e) || e.Kind != want {
		r.t.Fatalf("got %v, want an error of kind %s", err, want)
	}
	text := fmt.Sprintf("%v %+v %#v %+v", err, err, err, *e)
	for _, canary := range r.Canaries() {
		if strings.Contains(text, canary) {
			r.t.Errorf("the error holds a secret: %s", text)
		}
	}
	return *e
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestRotation_FromRequestToCompletion(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, sim.Options{})
	cluster := r.AddCluster(r.account.ID, sim.ClusterSpec{Name: "east"})

	account := must(r.client.CurrentAccount(ctx))(t)
	if want := (ocm.Account{ID: r.account.ID, Username: r.account.Username, Email: r.account.Email}); account != want {
		t.Errorf("account: got %+v, want %+v", account, want)
	}
	if rotations := must(r.client.Rotations(ctx, account.ID))(t); rotations != nil {
		t.Errorf("an account that never rotated has rotations: %+v", rotations)
	}
	before := must(r.client.AccessToken(ctx))(t)
	if !bytes.Contains(before, []byte(r.CloudAuth(account.ID))) {
		t.Error("the pull secret does not hold the auth that OCM issued")
	}

	requested := must(r.client.RequestRotation(ctx, account.ID))(t)
	if requested.Status != ocm.RotationPending || requested.CreatedAt.IsZero() || requested.AccountID != account.ID {
		t.Errorf("requested: got %+v", requested)
	}
	if again := must(r.client.Rotation(ctx, account.ID, requested.ID))(t); again != requested {
		t.Errorf("read again: got %+v, want %+v", again, requested)
	}
	if same := must(r.client.AccessToken(ctx))(t); !bytes.Equal(same, before) {
		t.Error("the pull secret changed before the batch")
	}

	r.RunBatch()
	if issued := must(r.client.AccessToken(ctx))(t); bytes.Equal(issued, before) {
		t.Error("the pull secret did not change after the batch")
	}
	transfers := must(r.client.ClusterTransfers(ctx, cluster))(t)
	if len(transfers) != 1 || transfers[0].RotationID != requested.ID || transfers[0].Status != ocm.TransferAccepted ||
		transfers[0].ClusterID != cluster || !transfers[0].ExpiresAt.After(transfers[0].CreatedAt) {
		t.Fatalf("transfers: got %+v", transfers)
	}
	if !bytes.Contains(transfers[0].Secret, []byte(r.CloudAuth(account.ID))) {
		t.Error("the transfer does not hold the new pull secret")
	}

	if err := r.Telemetry(cluster, r.CloudAuth(account.ID)); err != nil {
		t.Fatal(err)
	}
	r.RunBatch()
	rotations := must(r.client.Rotations(ctx, account.ID))(t)
	if len(rotations) != 1 || rotations[0].Status != ocm.RotationCompleted || !rotations[0].UpdatedAt.After(rotations[0].CreatedAt) {
		t.Errorf("rotations at the end: got %+v", rotations)
	}
	if n := r.Count(sim.OpToken); n != 1 {
		t.Errorf("%d token exchanges in the life of one token", n)
	}
	for _, request := range r.Requests() {
		if !strings.HasPrefix(request.UserAgent, "credential-rotation-operator/") {
			t.Errorf("%s was sent by %q", request.Operation, request.UserAgent)
		}
	}
}

func TestRotations_AreNewestFirst(t *testing.T) {
	r := newRig(t, sim.Options{})
	var want []string
	for range 3 {
		want = append([]string{r.StartRotationElsewhere(r.account.ID)}, want...)
		r.Advance(time.Hour)
	}
	var got []string
	for _, rotation := range must(r.client.Rotations(context.Background(), r.account.ID))(t) {
		got = append(got, rotation.ID)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSubscriptions_AreThoseOfTheAccountThatAreNotGone(t *testing.T) {
	r := newRig(t, sim.Options{})
	other := r.AddAccount(sim.AccountSpec{})
	r.AddCluster(other.ID, sim.ClusterSpec{Name: "somebody else's"})
	east := r.AddCluster(r.account.ID, sim.ClusterSpec{Name: "east"})
	r.AddCluster(r.account.ID, sim.ClusterSpec{Name: "west", Status: sim.SubscriptionDisconnected})
	r.AddCluster(r.account.ID, sim.ClusterSpec{Name: "gone", Status: sim.SubscriptionArchived})
	r.AddCluster(r.account.ID, sim.ClusterSpec{Name: "dead", Status: sim.SubscriptionDeprovisioned})

	got := must(r.client.Siblings(context.Background(), r.account.ID, ""))(t)
	if got.Others != 2 || got.Named[0] != (ocm.Subscription{ClusterID: east, DisplayName: "east", Status: "Active"}) || got.Named[1].DisplayName != "west" {
		t.Errorf("got %+v", got)
	}
}

// Each cluster has a place of its own among its siblings, and thousands of them cost no more than two requests.
func TestSiblings_AreCountedWithFewRequests(t *testing.T) {
	for _, row := range []struct{ clusters, requests int }{{1, 1}, {7, 1}, {100, 1}, {250, 2}} {
		t.Run(fmt.Sprint(row.clusters), func(t *testing.T) {
			r := newRig(t, sim.Options{})
			var ids []string
			for range row.clusters {
				ids = append(ids, r.AddCluster(r.account.ID, sim.ClusterSpec{}))
			}
			slices.Sort(ids)
			for _, place := range []int{0, row.clusters / 2, row.clusters - 1} {
				r.ResetCounts()
				got := must(r.client.Siblings(context.Background(), r.account.ID, ids[place]))(t)
				if got.Others != row.clusters-1 || got.Before != place || len(got.Named) > 100 {
					t.Errorf("cluster %d: %d others, %d before it, %d named", place, got.Others, got.Before, len(got.Named))
				}
				if n := r.Count(sim.OpSubscriptions); n != row.requests {
					t.Errorf("cluster %d: %d requests, want %d", place, n, row.requests)
				}
				for _, named := range got.Named {
					if named.ClusterID == ids[place] {
						t.Errorf("cluster %d counts itself", place)
					}
				}
			}
		})
	}
}

func TestServiceAccount_LogsInWithItsClient(t *testing.T) {
	r := newRig(t, sim.Options{})
	robot := r.AddAccount(sim.AccountSpec{ServiceAccount: true})
	id, secret := r.ServiceAccountCredential(robot.ID)
	client := r.connect(ocm.Config{Credential: ocm.Credential{ClientID: id, ClientSecret: secret + "\n"}})
	account := must(client.CurrentAccount(context.Background()))(t)
	if account.ID != robot.ID || !account.ServiceAccount {
		t.Errorf("got %+v", account)
	}
}

func TestClusterToken_SufficesToFollowAndNeverGoesToTheSSO(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, sim.Options{})
	cluster := r.AddCluster(r.account.ID, sim.ClusterSpec{})
	rotation := r.StartRotationElsewhere(r.account.ID)
	follower := r.connect(ocm.Config{ClusterToken: ocm.ClusterToken{ClusterID: cluster, Auth: r.CloudAuth(r.account.ID)}})
	r.RunBatch()

	if account := must(follower.CurrentAccount(ctx))(t); account.ID != r.account.ID {
		t.Errorf("account: got %+v", account)
	}
	if rotations := must(follower.Rotations(ctx, r.account.ID))(t); len(rotations) != 1 || rotations[0].ID != rotation {
		t.Errorf("rotations: got %+v", rotations)
	}
	if transfers := must(follower.ClusterTransfers(ctx, cluster))(t); len(transfers) != 1 || len(transfers[0].Secret) == 0 {
		t.Errorf("transfers: got %+v", transfers)
	}
	_, err := follower.AccessToken(ctx) // only for a Bearer, so the contract is violated
	r.ForgetViolations()
	e := r.fails(err, ocm.OCMUnauthorized)
	if !strings.Contains(e.Message, "cluster's own token") {
		t.Errorf("the message does not say whose token is refused: %s", e.Message)
	}
	if n := r.Count(sim.OpToken); n != 0 {
		t.Errorf("the SSO was asked %d times", n)
	}
	for _, request := range r.Requests() {
		if request.Auth != "AccessToken" || !strings.HasPrefix(request.UserAgent, "credential-rotation-operator/") {
			t.Errorf("%s with %q by %q", request.Operation, request.Auth, request.UserAgent)
		}
	}
}

func TestClusterToken_ThatIsDeadIsUnauthorized(t *testing.T) {
	r := newRig(t, sim.Options{})
	cluster := r.AddCluster(r.account.ID, sim.ClusterSpec{})
	follower := r.connect(ocm.Config{ClusterToken: ocm.ClusterToken{ClusterID: cluster, Auth: "b2xkOmRlYWQ="}})
	_, err := follower.CurrentAccount(context.Background())
	r.fails(err, ocm.OCMUnauthorized)
}

func TestTokenExchange_HappensOncePerLifetimeForManyCallers(t *testing.T) {
	r := newRig(t, sim.Options{})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := r.client.CurrentAccount(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := r.Count(sim.OpToken); n != 1 {
		t.Errorf("%d token exchanges", n)
	}
}

func TestPoll_IsTwoRequests(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, sim.Options{})
	r.StartRotationElsewhere(r.account.ID)
	must(r.client.CurrentAccount(ctx))(t)
	r.ResetCounts()
	must(r.client.Rotations(ctx, r.account.ID))(t)
	must(r.client.AccessToken(ctx))(t)
	if n := r.Count(sim.OpAny) + r.Count(sim.OpToken); n != 2 {
		t.Errorf("%d requests: %v", n, r.Counts())
	}
}

func TestCancel_EndsACallAtOnceAndIsRecognised(t *testing.T) {
	r := newRig(t, sim.Options{})
	must(r.client.CurrentAccount(context.Background()))(t)
	held := r.Hold(sim.OpListRotations, sim.BeforeEffect)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-held.Arrived()
		cancel()
	}()
	_, err := r.client.Rotations(ctx, r.account.ID)
	r.fails(err, ocm.OCMUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("not recognised as cancelled: %v", err)
	}
}

func TestClose_EndsTheCallsUnderWay(t *testing.T) {
	r := newRig(t, sim.Options{})
	client := r.connect(ocm.Config{
		Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID)}, Timeout: time.Hour, // nothing but Close ends the call
	})
	must(client.CurrentAccount(context.Background()))(t)
	held := r.Hold(sim.OpListRotations, sim.BeforeEffect)
	go func() {
		<-held.Arrived()
		_ = client.Close()
	}()
	_, err := client.Rotations(context.Background(), r.account.ID)
	r.fails(err, ocm.OCMUnavailable)
	_, err = client.Rotations(context.Background(), r.account.ID)
	if e := r.fails(err, ocm.OCMUnavailable); !strings.Contains(e.Message, "closed") {
		t.Errorf("after Close: %s", e.Message)
	}
}

func TestObserve_SeesEveryRequestByItsTemplate(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, sim.Options{})
	var seen []string
	client := r.connect(ocm.Config{
		Credential: ocm.Credential{Token: r.OfflineToken(r.account.ID)},
		Observe: func(method, template string, status int) {
			seen = append(seen, fmt.Sprintf("%s %s %d", method, template, status))
		},
	})
	must(client.Rotations(ctx, r.account.ID))(t)
	_, _ = client.Rotation(ctx, r.account.ID, "2JuNoSuchRotation")
	r.API().Stop()
	_, _ = client.CurrentAccount(ctx)
	want := []string{
		"POST token 200",
		"GET /api/accounts_mgmt/v1/accounts/{id}/pull_secret_rotation 204",
		"GET /api/accounts_mgmt/v1/accounts/{id}/pull_secret_rotation/{rotationId} 404",
		"GET /api/accounts_mgmt/v1/current_account 0",
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}
