package capcredentialset

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var named = ref("app", "named")

// namedBench serves a Secret of the spec in addition to those of the requests.
func namedBench(t *testing.T) *bench {
	t.Helper()
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: named.Namespace, Name: named.Name}, Role: "named"}}
	})
	b.drive(10 * time.Second)
	return b
}

// checkBlind checks a set of which only the spec's Secret can be served.
func (b *bench) checkBlind(reason string) {
	b.t.Helper()
	set := b.set("cap")
	ready := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Reason != reason || !strings.Contains(ready.Message, set.Status.EarliestExpiry.UTC().Format(time.RFC3339)) {
		b.t.Errorf("Ready is %s: %s, want %s and the first expiry", ready.Reason, ready.Message, reason)
	}
	if len(set.Status.Targets) != 5 {
		b.t.Errorf("%d rows, want all that were known", len(set.Status.Targets))
	}
	if row := rowOf(set, machines.Namespace); row.ExpiresAt == nil || row.Result == v1alpha1.ReasonFresh {
		b.t.Errorf("the row of a Secret that is not refreshed is %+v", row)
	}
	if s, _, _ := b.secrets.Get(named.Namespace, named.Name); !b.portal.live(s) {
		b.t.Error("the Secret that the spec names is not served")
	}
	if n := len(b.r.states["cap"].gaugedSecrets); n != 5 {
		b.t.Errorf("%d Secrets have series, want 5", n)
	}
}

func TestAClusterThatCannotBeRead_KeepsNeitherItsTargetsNorItsSilence(t *testing.T) {
	b := namedBench(t)
	b.facts.unknown = true
	b.start()
	b.drive(2 * time.Hour)
	b.checkBlind(v1alpha1.ReasonClusterUnknown)
	b.facts.unknown = false
	b.drive(time.Minute)
	if got := b.set("cap").Status.Credentials; got != "5/5" {
		t.Errorf("%s once the cluster can be read", got)
	}
}

func TestASelectorThatMeansNothing_LeavesWhatIsKnownOfTheSecrets(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := namedBench(t)
		b.change(func(spec *v1alpha1.CAPCredentialSetSpec) {
			spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{{Key: "x", Operator: "notIn"}}}
		})
		if restarted {
			b.start()
		}
		b.drive(2 * time.Hour)
		b.checkBlind(v1alpha1.ReasonInvalidSpec)
		b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.CredentialsRequests.Selector = nil })
		b.drive(time.Minute)
		if got := b.set("cap").Status.Credentials; got != "5/5" {
			t.Errorf("%s once it is corrected", got)
		}
	}
}

func TestADamagedHashKey_HealsItself(t *testing.T) {
	for name, refused := range map[string]error{"": nil, "where it cannot be written": errors.New("no")} {
		b := oneBench(t, nil)
		b.round("cap")
		b.secrets.put(ref(operatorNamespace, hashKeySecret), &corev1.Secret{Data: map[string][]byte{hashKeyKey: []byte("short")}})
		b.secrets.updates = refused
		b.pass(20 * time.Minute)
		b.start()
		for range 100 { // a round that fails is tried again within half a minute
			_, _ = b.r.Reconcile(b.ctx, reconcile.Request{NamespacedName: types.NamespacedName{Name: "cap"}})
			b.pass(20 * time.Second)
		}
		if !b.allLive() || conditionOf(b.set("cap"), v1alpha1.ConditionReady) != v1alpha1.ReasonFresh {
			t.Errorf("%s: dead half an hour later, Ready is %s", name, conditionOf(b.set("cap"), v1alpha1.ConditionReady))
		}
		key, _, _ := b.secrets.Get(operatorNamespace, hashKeySecret)
		if whole := len(key.Data[hashKeyKey]) == hashKeyLength; whole == (refused != nil) {
			t.Errorf("%s: the key is whole: %v", name, whole)
		}
	}
}

// A changed role counts at once, though CAP has said that the Secret holds what it gives out for the former one.
func TestARoleThatChanges_MovesASecretThatCAPHasConfirmed(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.reuse = true
	b.round("cap")
	b.pass(40 * time.Minute)
	b.round("cap") // the same credential again
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.CredentialsRequests.Roles[0].Role = "moved" })
	b.round("cap")
	if row := rowOf(b.set("cap"), machines.Namespace); b.portal.calls["moved"] != 1 || row.Result != v1alpha1.ReasonFresh {
		t.Errorf("%v, the row is %+v", b.portal.calls, row)
	}
}

func TestASetThatIsMadeAnew_InheritsNothing(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.answers["r1"] = refuse("RoleRefused")
	b.round("cap")
	calls := b.portal.calls["r1"]
	set := b.set("cap")
	if err := b.client.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	again := propertySet()
	again.UID, again.Spec.Endpoint.MaxConcurrentRequests = "another", 1
	if err := b.client.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	b.round("cap")
	if b.portal.calls["r1"] != calls+1 {
		t.Error("a recreated set waits because of its predecessor's failures")
	}
}
