package capcredentialset

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// Changes between a read and its effect, with the real reconciler.

// A cache lags behind what the operator has written itself.
func TestASetThatTheCacheShowsAsItWas_IsNeitherWrittenNorToldAgain(t *testing.T) {
	b := oneBench(t, nil)
	old := b.set("cap")
	b.portal.answers["r0"] = refuse(cap.RoleRefused)
	b.round("cap")
	b.pass(3 * time.Second)
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	patches := 0
	b.r.client = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if set, ok := o.(*v1alpha1.CAPCredentialSet); ok {
				old.DeepCopyInto(set)
				return nil
			}
			return c.Get(ctx, key, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			patches++
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	b.round("cap")
	if patches != 0 || len(recorder.Events) != 0 {
		t.Errorf("%d patches and %d events for a cache that lags", patches, len(recorder.Events))
	}
}

// A process that stood still between its look and its report is no longer the leader: another one has reported meanwhile.
func TestAReportThatIsOutdated_IsNotWrittenOverANewerOne(t *testing.T) {
	b := oneBench(t, nil)
	const newer = "newer/newer"
	late, sets := true, b.client.(*fakeSets)
	b.r.client = interceptor.NewClient(sets, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if late {
				late = false
				set := b.set("cap")
				set.Status.Credentials = newer
				sets.store(set)
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	if wait := b.round("cap"); wait <= 0 || b.set("cap").Status.Credentials != newer {
		t.Errorf("the status is %q, and the next round comes after %s", b.set("cap").Status.Credentials, wait)
	}
	b.round("cap")
	if got := b.set("cap").Status.Credentials; got == newer || got == "" {
		t.Errorf("the round after that leaves the status at %q", got)
	}
}

// While the cache lags behind, each report is in vain.
func TestAReportThatIsOutdated_IsMadeAgainMoreAndMoreSeldom(t *testing.T) {
	b := oneBench(t, nil)
	lags := true
	b.r.client = interceptor.NewClient(b.client.(*fakeSets), interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if lags {
				return apierrors.NewConflict(schema.GroupResource{Resource: "capcredentialsets"}, "cap", errors.New("it has changed"))
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	for _, want := range []float64{2, 4, 8, 16, 30, 30} {
		if wait := b.round("cap").Seconds(); wait != want {
			t.Errorf("the next round comes after %v s, want %v s", wait, want)
		}
	}
	lags = false
	b.round("cap")
	b.pass(40 * time.Minute) // a refresh is due, and reported
	lags = true
	if wait := b.round("cap"); wait != 2*time.Second {
		t.Errorf("after a report that was taken the next round comes after %s, want 2s", wait)
	}
}

// An etcd that is restored from a backup has the set as it was, with the version that it had then. What this process has written since then is gone.
func TestASetThatWasRestoredFromABackup_IsReportedOn(t *testing.T) {
	for name, during := range map[string]func(*bench){
		"and nothing changes":            func(b *bench) { b.pass(seenFor) },
		"and there is something to tell": func(b *bench) { b.secrets.put(machines, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := oneBench(t, nil)
			old := b.set("cap")
			b.round("cap")
			want := b.set("cap").Status.Credentials
			b.client.(*fakeSets).objects["cap"] = old
			during(b)
			for range 3 {
				b.pass(b.round("cap"))
			}
			if got := b.set("cap").Status.Credentials; got != want || want == "" {
				t.Errorf("the status of the restored set is %q, and was %q", got, want)
			}
		})
	}
}

func TestAClockThatWasSetForward_LeadsToARefreshAndNotToAWait(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(time.Minute)
	b.round("cap")
	calls := total(b.portal.calls)
	b.truth = b.truth.Add(time.Minute)
	b.clock.SetTime(noon.Add(12 * time.Minute)) // by ten minutes: nothing is due by time
	b.round("cap")
	if n := total(b.portal.calls) - calls; n != 2 {
		t.Errorf("%d calls after the clock was set forward, want one per role", n)
	}
}

// A watcher that has just started knows of no Secret, the certificate's among them.
func TestAStart_WaitsForTheClientCertificateToBeReadBeforeItIsMissed(t *testing.T) {
	b := oneBench(t, nil)
	certificate := ref(operatorNamespace, "cert")
	unread := map[types.NamespacedName]bool{certificate: true}
	b.r.store = unreadStore{b.secrets, unread}
	if wait := b.round("cap"); wait <= 0 || wait > b.r.Settle || len(b.set("cap").Status.Conditions) != 0 {
		t.Errorf("the next round comes after %s, and the status says %+v", wait, b.set("cap").Status.Conditions)
	}
	delete(unread, certificate)
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready says %s", got)
	}
}

// unreadStore has not read some Secrets.
type unreadStore struct {
	*fakeSecrets
	unread map[types.NamespacedName]bool
}

func (s unreadStore) Get(namespace, name string) (*corev1.Secret, bool, bool) {
	if s.unread[ref(namespace, name)] {
		return nil, false, false
	}
	return s.fakeSecrets.Get(namespace, name)
}

// watchedStore reports each read of a Secret before it happens.
type watchedStore struct {
	*fakeSecrets
	looked func(types.NamespacedName)
}

func (s watchedStore) Get(namespace, name string) (*corev1.Secret, bool, bool) {
	s.looked(ref(namespace, name))
	return s.fakeSecrets.Get(namespace, name)
}

func TestASecretThatIsEditedAfterThePlan_IsNotCopiedFrom(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(time.Minute)
	b.round("cap")
	b.secrets.put(ingress, nil)
	looks := 0
	b.r.store = watchedStore{b.secrets, func(at types.NamespacedName) {
		if at != storage {
			return
		}
		if looks++; looks == 2 { // the first is for the plan
			s, _, _ := b.secrets.Get(storage.Namespace, storage.Name)
			for k, v := range awscreds.Render(awscreds.Credential{AccessKeyID: "AKIAEVIL", SecretAccessKey: "evil"}) {
				s.Data[k] = v
			}
			b.secrets.put(storage, s)
		}
	}}
	b.round("cap")
	for _, w := range b.secrets.writes {
		if strings.Contains(string(w.after.Data["credentials"]), "EVIL") {
			t.Errorf("another writer's data in one Secret was copied into %s", w.ref)
		}
	}
	b.drive(10 * time.Second)
	if !b.allLive() {
		t.Error("a Secret is dead")
	}
}

func TestARowOfFailures_EndsWithASuccess(t *testing.T) {
	b := manyRoles(t, 1)
	fails := func() time.Duration {
		b.answers(1, refuse(cap.Malformed))
		b.requestRefresh()
		b.round("cap")
		return b.set("cap").Status.NextRefresh.Sub(b.truth)
	}
	b.drive(time.Minute)
	first := fails()
	b.drive(3 * time.Minute)
	b.answers(1, nil)
	b.drive(5 * time.Minute)
	if got := b.set("cap").Status.Credentials; got != "1/1" {
		t.Fatalf("%s are fresh", got)
	}
	if again := fails(); again > first+time.Second {
		t.Errorf("after a success the first wait is %s, and was %s", again, first)
	}
}

// The one in place lives longer than the new one, and would be kept: but it is no longer there.
func TestASecretThatIsEmptiedWhileCAPIsAsked_IsNotKeptForLivingLonger(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.Refresh.JitterPercent = ptr.To[int32](0) })
	b.portal.lifetime = 12 * time.Hour
	b.round("cap")
	b.pass(6*time.Hour + time.Minute)
	b.portal.lifetime = time.Hour
	b.portal.takes = func() {
		s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
		for _, k := range awscreds.Keys() {
			s.Data[k] = nil
		}
		b.secrets.put(machines, s)
		b.portal.takes = nil
	}
	b.drive(5 * time.Second)
	if !b.allLive() {
		t.Error("an emptied Secret was kept because what had been there lived longer")
	}
}

func TestALeadThatIsLost_IsNoFailure(t *testing.T) {
	b := oneBench(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	b.portal.answers["r1"] = func() (awscreds.Credential, error) {
		cancel()
		return awscreds.Credential{}, ctx.Err()
	}
	for range 2 { // whether the first round hears of the answer or of the end is chance; the second finds the answer
		_, err := b.r.Reconcile(ctx, reconcile.Request{NamespacedName: types.NamespacedName{Name: "cap"}})
		b.r.states["cap"].flights.underWay.Wait()
		if err == nil || len(b.r.states["cap"].memory.Roles) != 0 || len(b.set("cap").Status.Targets) != 0 {
			t.Fatalf("%v: the roles that fail are %v, the status is %+v", err, b.r.states["cap"].memory.Roles, b.set("cap").Status)
		}
	}
}

func TestARequest_DoesNotWaitForTheRhythmOfASecretThatCouldNotBeWritten(t *testing.T) {
	b := manyRoles(t, 1)
	b.drive(5 * time.Second)
	b.secrets.refuse = func(types.NamespacedName) error { return errDead }
	b.requestRefresh()
	b.pass(time.Second)
	b.requestRefresh()
	b.drive(10 * time.Minute)
	b.secrets.refuse = nil
	wait := b.set("cap").Status.NextRefresh.Sub(b.truth)
	if wait < time.Minute {
		t.Fatalf("the next try is in %s already", wait)
	}
	b.requestRefresh()
	b.drive(5 * time.Second)
	if got := b.set("cap").Status.Credentials; got != "1/1" {
		t.Errorf("%s five seconds after the request", got)
	}
}

func TestAWorkload_IsNotRestartedWhileTheSetIsHeld(t *testing.T) {
	b, restartedAt := workloadBench(t)
	b.round("cap")
	first := restartedAt()
	b.pass(40 * time.Minute)
	b.r.reader = interceptor.NewClient(b.client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if key.Name == "d" {
				return errDead // the process dies before it restarts it
			}
			return c.Get(ctx, key, o, opts...)
		},
	})
	b.round("cap")
	b.start()
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.Suspend = true })
	b.drive(5 * time.Minute)
	if got := restartedAt(); got != first {
		t.Error("a workload was restarted while spec.suspend is true")
	}
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.Suspend = false })
	b.drive(time.Minute)
	if got := restartedAt(); got == first {
		t.Error("it was not made up for")
	}
}

func TestASetThatIsDeletedInTheMiddleOfARound_IsNoError(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.takes = func() {
		if err := b.client.Delete(t.Context(), b.set("cap")); err != nil {
			t.Error(err)
		}
		b.portal.takes = nil
	}
	b.round("cap") // which fails the test by an error
	if _, err := b.r.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "cap"}}); err != nil || b.r.states["cap"] != nil {
		t.Errorf("%v, and it is remembered: %v", err, b.r.states["cap"] != nil)
	}
}

// Timers stand still while a machine sleeps: looking often bounds what that costs.
func TestASetThatWantsNothing_IsLookedAtAllTheSame(t *testing.T) {
	b := calmBench(t, nil)
	if wait := b.round("cap"); wait != 30*time.Second {
		t.Errorf("with nothing due for hours the next reconcile is after %s, want half a minute", wait)
	}
}

func TestANewCredential_IsWrittenWithoutSTSUnlessTheSpecRequiresIt(t *testing.T) {
	for policy, want := range map[v1alpha1.STSPolicy]string{v1alpha1.STSRequired: "0/4", v1alpha1.STSBestEffort: "4/4"} {
		b := oneBench(t, withSTS(policy))
		b.sts.away = true
		b.drive(time.Minute)
		set := b.set("cap")
		if got := set.Status.Credentials; got != want {
			t.Errorf("%s: %s are fresh while STS is unreachable, want %s", policy, got, want)
		}
		if row := rowOf(set, machines.Namespace); policy == v1alpha1.STSRequired && row.Result != v1alpha1.ReasonSTSUnavailable {
			t.Errorf("the row says %s", row.Result)
		}
	}
}
