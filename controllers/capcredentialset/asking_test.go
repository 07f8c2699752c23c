package capcredentialset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// manyRoles serves a Secret of its own for each of so many roles, from a portal whose answers take time.
func manyRoles(t *testing.T, roles int) *bench {
	t.Helper()
	set := propertySet()
	set.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{DefaultRole: "r0"}
	set.Spec.Endpoint.MaxConcurrentRequests = 1
	for n := range roles {
		set.Spec.Secrets = append(set.Spec.Secrets, v1alpha1.SecretRole{
			SecretReference: v1alpha1.SecretReference{Namespace: fmt.Sprint("ns-", n), Name: "s"}, Role: fmt.Sprint("r", n),
		})
	}
	b := newBench(t, set)
	b.portal.takes = func() { b.pass(200 * time.Millisecond) }
	return b
}

func (b *bench) answers(roles int, answer func() (awscreds.Credential, error)) {
	for n := range roles {
		b.portal.answers[fmt.Sprint("r", n)] = answer
	}
}

// countPatches counts the patches of statuses.
func (b *bench) countPatches() *int {
	n := 0
	b.r.client = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			n++
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	return &n
}

// A new cluster has nothing yet, so everything is urgent; a user must still act.
func TestAPortalThatDoesNotWork_IsAskedByOneRoleForAll(t *testing.T) {
	for class, atMost := range map[cap.Class]int{cap.AuthenticationRefused: 20, cap.Untrusted: 20, cap.Unavailable: 90} {
		for _, roles := range []int{1, 6, 60} {
			t.Run(fmt.Sprint(class, roles), func(t *testing.T) {
				b := manyRoles(t, roles)
				patches := b.countPatches()
				b.answers(roles, refuse(class))
				b.drive(time.Hour)
				if n := total(b.portal.calls); n > atMost || n < 10 {
					t.Errorf("%d calls in an hour, want 10 to %d", n, atMost)
				}
				if *patches > atMost*3/2 {
					t.Errorf("%d patches of the status", *patches)
				}
				b.answers(roles, nil)
				b.drive(6 * time.Minute)
				if got, want := b.set("cap").Status.Credentials, fmt.Sprintf("%[1]d/%[1]d", roles); got != want {
					t.Errorf("%s six minutes after the portal works, want %s", got, want)
				}
			})
		}
	}
}

func TestARoleThatIsRefused_IsAskedForSlowlyThoughItsSecretIsMissing(t *testing.T) {
	for _, class := range []cap.Class{cap.RoleRefused, cap.RequestRejected, cap.APIDisabled, cap.Unsafe} {
		b := manyRoles(t, 3)
		b.answers(3, refuse(class))
		b.drive(time.Hour)
		if n := total(b.portal.calls); n > 3*20 {
			t.Errorf("%s: %d calls in an hour for three roles", class, n)
		}
	}
}

// Two roles fail in the same way, at the same interval.
func TestAFailingRole_IsAskedForMoreOftenAsItsEndComesNear(t *testing.T) {
	b := manyRoles(t, 2)
	b.portal.lifetime = 24 * time.Hour
	b.drive(3 * time.Second)
	b.portal.lifetime = 2 * time.Minute
	b.secrets.put(ref("ns-0", "s"), nil)
	b.r.states["cap"].memory.Held = map[string]plan.Held{}
	b.round("cap")
	b.answers(2, refuse(cap.Malformed))
	b.pass(time.Minute + 30*time.Second)
	b.requestRefresh()
	before := maps.Clone(b.portal.calls)
	b.drive(25 * time.Second)
	dying, calm := b.portal.calls["r0"]-before["r0"], b.portal.calls["r1"]-before["r1"]
	if calm < 2 || dying <= calm {
		t.Errorf("the role that is about to expire was requested %d times, the other %d", dying, calm)
	}
}

// requestRefresh asks for a refresh of everything, as a person does.
func (b *bench) requestRefresh() {
	b.t.Helper()
	set := b.set("cap")
	metav1.SetMetaDataAnnotation(&set.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, b.clock.Now().UTC().Format(time.RFC3339))
	if err := b.client.Update(b.t.Context(), set); err != nil {
		b.t.Fatal(err)
	}
}

// A load balancer with one node that answers in another way than the others.
func TestFailuresThatTakeTurns_AreAskedAboutLessAndLess(t *testing.T) {
	b := manyRoles(t, 1)
	b.round("cap")
	b.pass(31 * time.Minute)
	n := 0
	classes := []cap.Class{cap.Unavailable, cap.Malformed, cap.AuthenticationRefused, cap.Expired}
	b.answers(1, func() (awscreds.Credential, error) { n++; return refuse(classes[n%len(classes)])() })
	b.drive(20 * time.Minute)
	if n > 20 {
		t.Errorf("%d calls in twenty minutes", n)
	}
}

func TestASecretThatCannotBeWritten_CostsThePortalNothing(t *testing.T) {
	b := manyRoles(t, 1)
	b.secrets.refuse = func(r types.NamespacedName) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, r.Name, errors.New("a quota"))
	}
	b.drive(20 * time.Minute)
	if n := total(b.portal.calls); n != 1 {
		t.Errorf("%d calls for a Secret that cannot be written, want one", n)
	}
	b.secrets.refuse = nil
	b.drive(6 * time.Minute)
	if got := b.set("cap").Status.Credentials; got != "1/1" || total(b.portal.calls) != 1 {
		t.Errorf("%s after %d calls, want the credential that was held", got, total(b.portal.calls))
	}
}

// The same set of the same repository in a fleet: its clusters must not come at one moment.
func TestTwoClustersOfOneRepository_ComeAtTimesOfTheirOwn(t *testing.T) {
	next := map[time.Time]bool{}
	for n := range 5 {
		set := propertySet()
		set.UID = types.UID(fmt.Sprint("cluster-", n))
		b := newBench(t, set)
		b.facts.requests = propertyRequests
		b.round("cap")
		next[b.set("cap").Status.NextRefresh.Time] = true
	}
	if len(next) < 4 {
		t.Errorf("five clusters have %d times", len(next))
	}
}

func TestSecretsThatAreEmptiedWhileThePortalIsAway_GetBackWhatStillLives(t *testing.T) {
	for name, spoil := range map[string]func(*bench, types.NamespacedName){
		"deleted": func(b *bench, r types.NamespacedName) { b.secrets.put(r, nil) },
		"emptied": func(b *bench, r types.NamespacedName) {
			s, _, _ := b.secrets.Get(r.Namespace, r.Name)
			for _, k := range awscreds.Keys() {
				s.Data[k] = nil
			}
			b.secrets.put(r, s)
		},
	} {
		for _, age := range []time.Duration{2 * time.Minute, 40 * time.Minute} {
			for _, restarted := range []bool{false, true} {
				b := oneBench(t, nil)
				b.round("cap")
				if restarted {
					b.start()
					b.round("cap")
				}
				b.pass(age)
				b.portal.answers["r0"], b.portal.answers["r1"] = refuse(cap.Unavailable), refuse(cap.Unavailable)
				b.round("cap")
				all := []types.NamespacedName{machines, registry, ingress, storage}
				for _, r := range all {
					spoil(b, r)
				}
				b.drive(10 * time.Second)
				for _, r := range all {
					if s, _, _ := b.secrets.Get(r.Namespace, r.Name); !b.portal.live(s) {
						t.Errorf("%s after %s (restarted %v): %s is dead", name, age, restarted, r)
					}
				}
				b.pass(time.Hour)
				writes := len(b.secrets.writes)
				b.drive(time.Minute)
				if n := len(b.secrets.writes) - writes; n != 0 {
					t.Errorf("%s: %d writes of what is dead", name, n)
				}
			}
		}
	}
}

// A failure that is noted for the future would keep CAP from being asked until then, and every round would be due at once.
func TestAClockThatIsSetBackWhileCAPFails_DoesNotKeepItFromBeingAsked(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.answers["r0"], b.portal.answers["r1"] = refuse(cap.Unavailable), refuse(cap.Unavailable)
	b.round("cap")
	b.truth = b.truth.Add(time.Minute)
	b.clock.SetTime(b.clock.Now().Add(-5 * time.Hour))
	calls := total(b.portal.calls)
	b.round("cap")
	if total(b.portal.calls) == calls {
		t.Error("CAP is not asked")
	}
	if wait := b.round("cap"); wait < time.Second {
		t.Errorf("the round after that is due in %s", wait)
	}
	if got := total(b.portal.calls) - calls; got != 1 {
		t.Errorf("CAP is asked %d times at once, want 1", got)
	}
	b.portal.answers = map[string]func() (awscreds.Credential, error){}
	b.drive(5 * time.Minute)
	if got := b.set("cap").Status.Credentials; got != "4/4" {
		t.Errorf("%s once CAP answers well", got)
	}
}

func TestARoleThatHangs_HoldsUpNothingElse(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.Endpoint.MaxConcurrentRequests = 4 })
	b.round("cap")
	b.pass(40 * time.Minute)
	release, woken := make(chan struct{}), make(chan string, 10)
	b.settle()
	b.r.AnswerWait = time.Millisecond
	b.r.wake = func(set string) { woken <- set }
	b.r.dial.portal = func(cap.Config) (portal, error) { return hanging{b.portal, release}, nil }
	b.r.states["cap"].portal.close()
	b.round("cap") // both roles hang
	set := b.set("cap")
	set.Spec.Suspend, set.Generation = true, 2
	if err := b.client.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionSuspended); got != v1alpha1.ReasonSuspended {
		t.Errorf("Suspended says %s while a role hangs, want what the spec says now", got)
	}
	set = b.set("cap")
	set.Spec.Suspend = false
	if err := b.client.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.secrets.put(machines, nil)
	b.round("cap")
	if s, _, _ := b.secrets.Get(machines.Namespace, machines.Name); !b.portal.live(s) {
		t.Error("a deleted Secret waits for a role that hangs")
	}
	close(release)
	for range 2 {
		if got := <-woken; got != "cap" {
			t.Errorf("the answer wakes %q", got)
		}
	}
	b.r.AnswerWait = time.Hour
	b.round("cap") // these answers are to a spec that has changed
	b.round("cap")
	if got := b.set("cap").Status.Credentials; got != "4/4" {
		t.Errorf("%s after the answers came", got)
	}
}

// hanging answers when it is released.
type hanging struct {
	*fakePortal
	release chan struct{}
}

func (h hanging) Fetch(ctx context.Context, role string) (awscreds.Credential, error) {
	<-h.release
	return h.fakePortal.Fetch(ctx, role)
}
