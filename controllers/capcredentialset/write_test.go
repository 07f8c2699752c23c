package capcredentialset

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// dueBench has four Secrets that are due.
func dueBench(t *testing.T) *bench {
	t.Helper()
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(40 * time.Minute)
	b.secrets.writes = nil
	return b
}

func TestWrite_LeavesWhatAnotherOperatorHasRefreshedMeanwhile(t *testing.T) {
	b := dueBench(t)
	var theirs *corev1.Secret
	b.meanwhile(machines, func() { theirs = b.refreshedBy(machines, b.r.hashKey) })
	b.round("cap")
	now, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
	if !sameKeys(now, theirs) {
		t.Error("what another operator had just written was written over")
	}
	for _, w := range b.secrets.writes {
		if w.ref == machines {
			t.Error("a write took place although another writer was faster")
		}
	}
	if set := b.set("cap"); set.Status.Credentials != "4/4" {
		t.Errorf("credentials: %s", set.Status.Credentials)
	}
}

// meanwhile does something once, between the look at a Secret and the write to it.
func (b *bench) meanwhile(at types.NamespacedName, do func()) {
	b.secrets.interfere = func(r types.NamespacedName) {
		if r == at {
			b.secrets.interfere = nil
			do()
		}
	}
}

// refreshedBy is a Secret of the role r1 that another operator with a hash key has just refreshed.
func (b *bench) refreshedBy(r types.NamespacedName, key []byte) *corev1.Secret {
	b.portal.mu.Lock()
	c := b.portal.issue("r1")
	b.portal.mu.Unlock()
	there, _, _ := b.secrets.Get(r.Namespace, r.Name)
	for k, v := range awscreds.Render(c) {
		there.Data[k] = v
	}
	noted := plan.Bookkeeping{Role: "r1", RefreshedAt: b.truth, ExpiresAt: c.Expiry.At, Expiry: v1alpha1.ExpiryTold}
	seal := awscreds.Seal(key, statement(r.Namespace, r.Name, string(there.UID), noted), there.Data)
	for k, v := range noted.Annotations("cap", seal) {
		there.Annotations[k] = v
	}
	b.secrets.put(r, there)
	return there
}

func TestWrite_LeavesWhatHasChangedWhileTheProcessStoodStill(t *testing.T) {
	b := dueBench(t)
	var theirs *corev1.Secret
	b.meanwhile(machines, func() {
		b.pass(actWithin + time.Second)
		theirs = b.refreshedBy(machines, newHashKey()) // the one that this process knows has been deleted
	})
	b.round("cap")
	if now, _, _ := b.secrets.Get(machines.Namespace, machines.Name); !sameKeys(now, theirs) {
		t.Error("what the next leader has written was written over")
	}
	b.drive(time.Minute)
	if set := b.set("cap"); set.Status.Credentials != "4/4" {
		t.Errorf("afterwards %s are fresh", set.Status.Credentials)
	}
}

func TestWrite_TriesAgainAtOnceWhenALabelHasChangedMeanwhile(t *testing.T) {
	b := dueBench(t)
	b.secrets.interfere = func(r types.NamespacedName) {
		b.secrets.interfere = nil
		there, _, _ := b.secrets.Get(r.Namespace, r.Name)
		there.Labels = map[string]string{"new": "label"}
		b.secrets.put(r, there)
	}
	calls := total(b.portal.calls)
	b.round("cap")
	if len(b.secrets.writes) != 4 || total(b.portal.calls)-calls != 2 {
		t.Errorf("%d writes and %d calls, want 4 and 2: the credential must not be thrown away", len(b.secrets.writes), total(b.portal.calls)-calls)
	}
	if s, _, _ := b.secrets.Get(machines.Namespace, machines.Name); s.Labels["new"] == "" {
		t.Error("the label is lost")
	}
}

// Several of a role's Secrets are written at once, and what came of each is noted as if they had been written one by one.
func TestWrite_SeveralAtOnceAreNotedAsIfOneByOne(t *testing.T) {
	const secrets = 40
	set := propertySet()
	set.Spec.CredentialsRequests, set.Spec.Verification.STS = nil, v1alpha1.STSBestEffort
	for n := range secrets {
		set.Spec.Secrets = append(set.Spec.Secrets, v1alpha1.SecretRole{SecretReference: v1alpha1.SecretReference{Namespace: fmt.Sprintf("ns-%02d", n), Name: "s"}, Role: "r1"})
	}
	b := newBench(t, set)
	b.r.Writers = 4
	b.secrets.refuse = func(r types.NamespacedName) error {
		if r.Namespace == "ns-07" {
			return apierrors.NewInternalError(errors.New("no"))
		}
		return nil
	}
	told := recorded(b)
	b.round("cap")
	if all := told(); len(all) == 0 || !strings.Contains(all[0], "written to ns-00/s, ns-01/s, ns-02/s and 36 more") {
		t.Errorf("the events are %q", all)
	}
	b.secrets.refuse = nil
	b.drive(5 * time.Minute)
	if got := b.set("cap").Status.Credentials; got != "40/40" || len(b.secrets.writes) != secrets || b.portal.calls["r1"] > 2 {
		t.Errorf("%s are fresh after %d writes and %d calls", got, len(b.secrets.writes), b.portal.calls["r1"])
	}
	b.drive(40 * time.Minute)
	if got := b.set("cap").Status.Credentials; got != "40/40" || len(b.secrets.writes) != 2*secrets {
		t.Errorf("after the next refresh %s are fresh and %d were written", got, len(b.secrets.writes))
	}
}

func TestWrite_LeavesAnEmptySecretThatSomebodyFillsAtThatMoment(t *testing.T) {
	b := oneBench(t, nil)
	b.secrets.put(machines, &corev1.Secret{})
	theirs := map[string][]byte{"config": []byte("their own")}
	b.meanwhile(machines, func() { b.secrets.put(machines, &corev1.Secret{Data: theirs}) })
	b.round("cap")
	if s, _, _ := b.secrets.Get(machines.Namespace, machines.Name); len(s.Data) != len(theirs) {
		t.Error("the operator took over what somebody has put there, and the spec does not allow it")
	}
	if row := rowOf(b.set("cap"), machines.Namespace); row.Result != v1alpha1.ReasonSecretNotOurs {
		t.Errorf("the row says %s", row.Result)
	}
}

// A process that has stood still goes on with what it was about to do, while another one leads already.
func TestWrite_DeliversNoCredentialThatHasDiedWhileTheProcessStoodStill(t *testing.T) {
	b := dueBench(t)
	b.secrets.interfere = func(r types.NamespacedName) {
		b.secrets.interfere = nil
		there, _, _ := b.secrets.Get(r.Namespace, r.Name)
		b.secrets.put(r, there)
		b.pass(20 * time.Hour)
	}
	b.round("cap")
	for _, w := range b.secrets.writes {
		if !b.portal.live(w.after) {
			t.Errorf("%s was given a credential that has expired", w.ref)
		}
	}
	b.drive(time.Minute)
	if set := b.set("cap"); set.Status.Credentials != "4/4" {
		t.Errorf("afterwards %s are fresh", set.Status.Credentials)
	}
}

func TestWrite_LooksAgainBeforeItCreatesWhatItMissedLongAgo(t *testing.T) {
	b := oneBench(t, nil)
	theirs := map[string][]byte{"config": []byte("their own")}
	var others []types.NamespacedName
	b.secrets.interfere = func(first types.NamespacedName) {
		b.secrets.interfere = nil
		for _, row := range []types.NamespacedName{machines, registry, ingress, storage} {
			if _, found, _ := b.secrets.Get(row.Namespace, row.Name); row != first && !found {
				others = append(others, row)
				b.secrets.put(row, &corev1.Secret{Data: theirs})
			}
		}
		b.pass(actWithin + time.Second)
	}
	b.round("cap")
	for _, r := range others {
		if s, _, _ := b.secrets.Get(r.Namespace, r.Name); len(s.Data) != len(theirs) {
			t.Errorf("%s was written over", r)
		}
	}
	if len(others) == 0 {
		t.Error("nothing else was missing")
	}
}

func TestWrite_CreatesASecretThatIsDeletedAtThatMoment(t *testing.T) {
	b := dueBench(t)
	b.secrets.interfere = func(r types.NamespacedName) {
		b.secrets.interfere = nil
		b.secrets.put(r, nil)
	}
	b.round("cap")
	if s, found, _ := b.secrets.Get(machines.Namespace, machines.Name); !found || !b.portal.live(s) {
		t.Error("the Secret is not back")
	}
}

func TestWrite_GivesUpOnASecretThatChangesAllTheTime(t *testing.T) {
	b := dueBench(t)
	b.secrets.interfere = func(r types.NamespacedName) {
		if r != machines {
			return
		}
		there, _, _ := b.secrets.Get(r.Namespace, r.Name)
		b.secrets.put(r, there)
	}
	calls := total(b.portal.calls)
	b.round("cap")
	if row := rowOf(b.set("cap"), machines.Namespace); row.Result != v1alpha1.ReasonConflict || row.NextRefresh == nil {
		t.Errorf("the row is %+v", row)
	}
	for range 3 {
		b.round("cap")
	}
	if n := total(b.portal.calls) - calls; n != 2 {
		t.Errorf("%d calls, want none for a Secret that could not be written just now", n)
	}
}

func TestWrite_EmptiesASessionTokenThatSomebodyElseOwns(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.tokenless = true
	b.secrets.put(machines, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.RoleAnnotation: "r1"}}, // as install-manifests writes it
		Data:       map[string][]byte{awscreds.KeySessionToken: []byte("of another key")},
	})
	b.round("cap")
	s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
	if token, ok := s.Data[awscreds.KeySessionToken]; len(token) != 0 || !ok {
		t.Errorf("the token is there: %v, and has %d bytes", ok, len(token))
	}
	if set := b.set("cap"); set.Status.Credentials != "4/4" {
		t.Errorf("credentials: %s", set.Status.Credentials)
	}
}

func TestJudgeWrite_SaysWhoCanHelpAndQuotesNothing(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	terminating := apierrors.NewForbidden(secrets, "s", errors.New("CANARY"))
	terminating.ErrStatus.Details.Causes = append(terminating.ErrStatus.Details.Causes, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause})
	for name, test := range map[string]struct {
		err    error
		reason string
		words  string
	}{
		"a missing right": {apierrors.NewForbidden(secrets, "s", errors.New(`User "system:serviceaccount:a:b" cannot patch resource "secrets" in API group "" in the namespace "n"`)),
			v1alpha1.ReasonForbidden, "--serviceaccount=" + operatorNamespace + ":credential-rotation-operator"},
		"a namespace that goes away": {terminating, v1alpha1.ReasonNamespaceMissing, "as soon as"},
		"a namespace that is gone":   {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "ns"), v1alpha1.ReasonNamespaceMissing, "as soon as"},
		"an immutable Secret":        {apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "s", nil), v1alpha1.ReasonWriteRefused, "immutable"},
		"a quota or a webhook":       {apierrors.NewForbidden(secrets, "s", errors.New("CANARY")), v1alpha1.ReasonWriteRefused, "admission"},
		"an API server in trouble":   {apierrors.NewInternalError(errors.New("CANARY")), v1alpha1.ReasonInternalError, "will retry"},
		"no API server":              {errors.New("dial tcp CANARY"), v1alpha1.ReasonInternalError, "will retry"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reconciler{Options: Options{Namespace: operatorNamespace}}
			got := r.judgeWrite(machines, test.err)
			if got.reason != test.reason || !strings.Contains(got.message, test.words) {
				t.Errorf("%s: %s; want %s and %q", got.reason, got.message, test.reason, test.words)
			}
			if strings.Contains(got.message, "CANARY") {
				t.Errorf("the API server's words are quoted: %s", got.message)
			}
		})
	}
}

func TestMemory_AChangedSpecTriesAtOnce(t *testing.T) {
	b := dueBench(t)
	b.portal.answers["r1"] = refuse("RequestRejected")
	b.round("cap")
	calls := b.portal.calls["r1"]
	b.round("cap")
	if b.portal.calls["r1"] != calls {
		t.Fatal("it does not wait after a failure")
	}
	set := b.set("cap")
	set.Generation, set.Spec.Endpoint.Agency = 2, "corrected"
	if err := b.client.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.round("cap")
	if b.portal.calls["r1"] != calls+1 {
		t.Error("the corrected spec waits for the failure of the one before")
	}
}

func TestTheHashKey_IsMadeOnce(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	key, found, _ := b.secrets.Get(operatorNamespace, hashKeySecret)
	if !found || len(key.Data[hashKeyKey]) != hashKeyLength {
		t.Fatal("no key was made")
	}
	b.start()
	b.round("cap")
	if again, _, _ := b.secrets.Get(operatorNamespace, hashKeySecret); again.ResourceVersion != key.ResourceVersion {
		t.Error("another process made another key")
	}
}

func TestRestart_KnowsAllThreeKinds(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: machines.Namespace, Name: "w"}
	for kind, workload := range map[v1alpha1.RestartKind]client.Object{
		v1alpha1.RestartDeployment:  &appsv1.Deployment{ObjectMeta: meta},
		v1alpha1.RestartDaemonSet:   &appsv1.DaemonSet{ObjectMeta: meta},
		v1alpha1.RestartStatefulSet: &appsv1.StatefulSet{ObjectMeta: meta},
	} {
		t.Run(string(kind), func(t *testing.T) {
			set := propertySet()
			set.Spec.RestartTargets = []v1alpha1.RestartTarget{
				{Kind: kind, Namespace: machines.Namespace, Name: "w"}, {Kind: kind, Namespace: "elsewhere", Name: "w"},
			}
			b := newBench(t, set, workload)
			b.facts.requests = propertyRequests
			b.round("cap")
			there, template := newWorkload(kind)
			if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(workload), there); err != nil {
				t.Fatal(err)
			}
			if got := template()[v1alpha1.RestartedAtAnnotation]; got != noon.Format(time.RFC3339) {
				t.Errorf("restarted at %q, want when its namespace's credential was fetched", got)
			}
			// The other's namespace has no Secret of the set: nothing that it uses has changed.
			if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
				t.Errorf("Ready is %s", got)
			}
		})
	}
}

func TestRestart_OfAMissingWorkloadIsToldAndTriedAgain(t *testing.T) {
	target := v1alpha1.RestartTarget{Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "late"}
	set := propertySet()
	set.Spec.RestartTargets = []v1alpha1.RestartTarget{target}
	b := newBench(t, set)
	b.facts.requests = propertyRequests
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonRestartFailed {
		t.Errorf("Ready is %s", got)
	}
	if err := b.client.Create(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: target.Namespace, Name: target.Name}}); err != nil {
		t.Fatal(err)
	}
	b.pass(2 * time.Minute)
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready is %s after the workload appeared", got)
	}
}
