package pullsecretrotation

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/trust"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// What the operator costs others is counted: requests to OCM by the simulator, writes by the API server's client.

// meter is a fleet of one whose costs are counted.
type meter struct {
	*fleet
	*member
	writes int
	reads  map[client.ObjectKey]int // of Secrets, in this reconcile
	// exchanges are the token exchanges that OCM's tokens of 15 minutes would have needed. The simulator's tokens use real time, so exchanges are
	// computed here: one for each reconcile that asks OCM after the last token has expired.
	exchanges int
	tokenEnds time.Time
}

func newMeter(t *testing.T, options simocm.Options, spec v1alpha1.PullSecretRotationSpec) *meter {
	t.Helper()
	m := &meter{reads: map[client.ObjectKey]int{}, fleet: newFleetOn(t, simocm.StartForTest(t, options), 1, spec)}
	m.member = m.members[0]
	count := func() { m.writes++ }
	m.r.Reader = interceptor.NewClient(m.client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if _, secret := o.(*corev1.Secret); secret {
				m.reads[key]++
			}
			return c.Get(ctx, key, o, opts...)
		},
	})
	m.r.Client = interceptor.NewClient(m.client.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			count()
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			count()
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			count()
			return c.Patch(ctx, o, p, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			count()
			return c.Delete(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			count()
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	return m
}

// cost of one reconcile.
type cost struct {
	ocm    int // requests to OCM with the account's credential
	tokens int // checks of the cluster's token, which count as a registry's
	writes int
}

// look is one reconcile with any cause, and its cost.
func (m *meter) look() cost {
	m.t.Helper()
	before, writes := m.sim.Counts(), m.writes
	m.reads = map[client.ObjectKey]int{}
	status := m.get(m.t).Status
	result, err := m.r.Reconcile(m.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "account"}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.next, m.seen = m.sim.Now().Add(result.RequeueAfter), m.get(m.t)
	c := cost{writes: m.writes - writes}
	for operation, n := range m.sim.Counts() {
		switch n -= before[operation]; operation {
		case simocm.OpToken:
		case simocm.OpCurrentAccount:
			c.tokens += n
		default:
			c.ocm += n
		}
	}
	if c.ocm > 0 && !m.sim.Now().Before(m.tokenEnds) {
		m.exchanges++
		m.tokenEnds = m.sim.Now().Add(14 * time.Minute) // a minute before its end a token is renewed
	}
	for secret, n := range m.reads {
		if n > 1 && c.writes == 0 {
			m.t.Errorf("%s was read %d times in a reconcile that wrote nothing: a document is to be read, and so parsed, once", secret, n)
		}
	}
	if c.writes > 0 && cmp.Equal(status, m.seen.Status) {
		m.t.Errorf("%d writes although nothing has changed: %s", c.writes, readyReason(m.seen))
	}
	return c
}

// wait lets time pass until the next reconcile.
func (m *meter) wait() { m.sim.Advance(m.next.Sub(m.sim.Now())) }

// through reconciles at the operator's own times until the object is as wanted, and sums the costs.
func (m *meter) through(is func(*v1alpha1.PullSecretRotation) bool) (sum cost, looks int) {
	m.t.Helper()
	for looks = 1; looks < 2000; looks++ {
		c := m.look()
		sum.ocm, sum.tokens, sum.writes = sum.ocm+c.ocm, sum.tokens+c.tokens, sum.writes+c.writes
		if is(m.seen) {
			return sum, looks
		}
		m.wait()
	}
	m.t.Fatalf("it never came to this; the status is %+v", m.seen.Status)
	return sum, looks
}

func isDueNow() v1alpha1.PullSecretRotationSpec {
	after := metav1.NewTime(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	return v1alpha1.PullSecretRotationSpec{RotateAfter: &after}
}

func TestCost_ARotationThatTakesDaysStaysUnder300Requests(t *testing.T) {
	// A day until the batch issues, and another until the next one ends the rotation.
	m := newMeter(t, simocm.Options{BatchInterval: 24 * time.Hour}, isDueNow())
	sum, looks := m.through(hasEnded)
	total := sum.ocm + sum.tokens + m.exchanges
	t.Logf("%d looks: %d requests to OCM, %d about the cluster's token, %d token exchanges; %d writes", looks, sum.ocm, sum.tokens, m.exchanges, sum.writes)
	if took := m.seen.Status.Rotation.RevokedAt.Sub(m.seen.Status.Rotation.RequestedAt.Time); took < 36*time.Hour {
		t.Errorf("the rotation took %s: it is not the slow one that this is about", took)
	}
	if total > 300 {
		t.Errorf("it cost %d requests, want at most 300", total)
	}
	// Backup, health, intent, request, issue and verification, target, roll-out, health checks of two days, end.
	if sum.writes > 24 {
		t.Errorf("it cost %d writes", sum.writes)
	}
}

// docs/performance.md has these numbers. The requests of a reconcile count for the reason that Ready had before it.
func TestCost_OfEachStepOfARotation(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	steps, before := map[string]map[string]int{}, map[string]int{}
	var order []string
	step := "nothing yet"
	for looks := 0; m.seen == nil || !hasEnded(m.seen); looks++ {
		if looks > 2000 {
			t.Fatalf("it never ends; the status is %+v", m.seen.Status)
		}
		m.look()
		if steps[step] == nil {
			steps[step] = map[string]int{}
			order = append(order, step)
		}
		for op, n := range m.sim.Counts() {
			steps[step][op] += n - before[op]
			before[op] = n
		}
		step = readyReason(m.seen)
		m.wait()
	}
	total := 0
	for _, step := range order {
		sum := 0
		for op, n := range steps[step] {
			if sum += n; n == 0 {
				delete(steps[step], op)
			}
		}
		total += sum
		t.Logf("after %s: %d requests: %v", step, sum, steps[step])
	}
	t.Logf("%d requests", total)
	if posts := before[simocm.OpPostRotation]; posts != 1 {
		t.Errorf("%d rotations were requested", posts)
	}
	// Two for each poll of the hours that OCM takes, and some twenty at the beginning and the end.
	if total > 150 {
		t.Errorf("it cost %d requests", total)
	}
}

func TestCost_WaitingForOCMIsTwoRequestsAPollAndNoWrite(t *testing.T) {
	m := newMeter(t, simocm.Options{BatchInterval: 24 * time.Hour}, isDueNow())
	// The second rotation, so that there is a first one to report.
	m.through(hasEnded)
	again := m.get(t)
	again.Spec.RotateAfter = decide.TimePtr(m.sim.Now().Truncate(time.Second))
	if err := m.client.Update(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	m.through(func(o *v1alpha1.PullSecretRotation) bool { return takesPart(o) && o.Status.Rotation.RevokedAt == nil })
	if readyReason(m.seen) != v1alpha1.ReasonAwaitingIssue {
		t.Fatalf("the object waits for %s", readyReason(m.seen))
	}
	for range 20 {
		if c := m.look(); c != (cost{}) {
			t.Fatalf("a reconcile between two polls cost %+v, want nothing", c)
		}
	}
	for range 7 { // not so long that a health check is due
		m.wait()
		if c := m.look(); c != (cost{ocm: 2}) {
			t.Fatalf("a poll cost %+v, want two requests and no write", c)
		}
	}
}

func TestCost_IdleIsTwoRequestsAHealthCheckAndNothingBetween(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(hasEnded)
	m.sim.ResetCounts()
	defer func() {
		if n := m.sim.Count(simocm.OpSubscriptions); n > 2 {
			t.Errorf("the account's clusters were counted %d times in 30 hours, want once a day", n)
		}
	}()
	for check := range 5 {
		for range 10 {
			if c := m.look(); c != (cost{}) {
				t.Fatalf("a reconcile between two health checks cost %+v, want nothing", c)
			}
		}
		m.wait()
		counted := m.sim.Count(simocm.OpSubscriptions)
		c := m.look()
		c.ocm -= m.sim.Count(simocm.OpSubscriptions) - counted
		// The one write is the time of the check.
		if c != (cost{ocm: 2, tokens: 1, writes: 1}) {
			t.Fatalf("health check %d cost %+v", check, c)
		}
	}
}

func TestCost_HeldBackIsNoWriteHoweverOftenItIsLookedAt(t *testing.T) {
	spec := isDueNow()
	spec.Approval = v1alpha1.ApprovalBeforeRequest
	m := newMeter(t, simocm.Options{}, spec)
	m.through(func(o *v1alpha1.PullSecretRotation) bool { return readyReason(o) == v1alpha1.ReasonAwaitingApproval })
	for range 20 {
		if c := m.look(); c.writes != 0 {
			t.Fatalf("a reconcile cost %+v", c)
		}
	}
	if m.sim.Count(simocm.OpPostRotation) != 0 {
		t.Error("a rotation was requested without approval")
	}
}

func TestCost_AnOfferOfPatienceIsTakenWhateverCausesAReconcile(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.sim.Break(simocm.Fault{Endpoint: simocm.OpListRotations, Kind: simocm.RateLimited, RetryAfter: simctl.Duration(50 * time.Minute)})
	m.look()
	if readyReason(m.seen) != v1alpha1.ReasonOCMRateLimited {
		t.Fatalf("the reason is %s", readyReason(m.seen))
	}
	if in := m.next.Sub(m.sim.Now()); in < 49*time.Minute {
		t.Errorf("the next reconcile is in %s although OCM's Retry-After is 50 minutes", in)
	}
	m.sim.Advance(10 * time.Minute)
	if c := m.look(); c != (cost{}) {
		t.Errorf("a reconcile before that cost %+v, want nothing", c)
	}
	m.sim.Mend()
	m.wait()
	if m.look(); m.sim.Count(simocm.OpPostRotation) != 1 {
		t.Errorf("after that it does not go on: %s", readyReason(m.seen))
	}
}

func TestCost_OneTokenExchangeServesAllReconciles(t *testing.T) {
	sim := simocm.StartForTest(t, simocm.Options{AccessTokenLife: time.Hour})
	account := sim.AddAccount(simocm.AccountSpec{})
	roots := trust.Pool(sim.CA().PEM())
	connect := &connector{userAgent: "test"}
	t.Cleanup(connect.closeAll)
	cfg := ocm.Config{URL: sim.URL(), TokenURL: sim.TokenURL(), RootCAs: roots, Credential: ocm.Credential{Token: sim.OfflineToken(account.ID)}}
	for range 10 {
		api, err := connect.OCM(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := api.Rotations(t.Context(), account.ID); err != nil {
			t.Fatal(err)
		}
		if err := api.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := sim.Count(simocm.OpToken); got != 1 {
		t.Errorf("%d token exchanges for ten reconciles within one token's life, want 1", got)
	}
	if got := sim.Count(simocm.OpListRotations); got != 10 {
		t.Errorf("%d requests for ten lists, want 10", got)
	}
}

func (c *connector) closeAll() {
	for _, known := range c.kept {
		_ = known.Close()
	}
}
