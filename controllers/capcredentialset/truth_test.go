package capcredentialset

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// change edits the spec as a person does.
func (b *bench) change(edit func(*v1alpha1.CAPCredentialSetSpec)) {
	b.t.Helper()
	set := b.set("cap")
	edit(&set.Spec)
	set.Generation++
	if err := b.client.Update(b.t.Context(), set); err != nil {
		b.t.Fatal(err)
	}
}

func assume(d time.Duration) func(*v1alpha1.CAPCredentialSetSpec) {
	return func(spec *v1alpha1.CAPCredentialSetSpec) {
		spec.Refresh.AssumedLifetime = &metav1.Duration{Duration: d}
	}
}

func (b *bench) allLive() bool {
	for _, r := range []types.NamespacedName{machines, registry, ingress, storage} {
		if s, _, _ := b.secrets.Get(r.Namespace, r.Name); !b.portal.live(s) {
			return false
		}
	}
	return true
}

func TestAnAssumedLifetimeThatIsCorrected_HoldsForTheCredentialsThatAreThere(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := oneBench(t, nil)
		b.change(assume(12 * time.Hour))
		b.portal.quiet = true
		b.drive(2 * time.Hour)
		if b.allLive() {
			t.Fatal("with an assumption of 12 hours they should have died after one")
		}
		if restarted {
			b.start()
		}
		b.change(assume(time.Hour))
		b.round("cap")
		if !b.allLive() {
			t.Errorf("restarted %v: dead after the assumption was corrected", restarted)
		}
		for range 20 {
			b.drive(10 * time.Minute)
			if !b.allLive() {
				t.Fatal("dead again")
			}
		}
	}
}

func TestAnAssumedExpiry_NeverKeepsANewCredentialOut(t *testing.T) {
	b := oneBench(t, nil)
	b.change(assume(12 * time.Hour))
	b.portal.quiet = true
	b.round("cap")
	b.pass(6*time.Hour + time.Minute)
	b.portal.quiet, b.portal.lifetime = false, time.Hour // it dies before the assumption of the one in place would
	b.round("cap")
	if !b.allLive() {
		t.Error("a credential with a known expiry was rejected for one with an assumed expiry")
	}
}

func TestAnUnreadableExpiry_ShowsAndHalvesTheAssumption(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.unreadable, b.portal.lifetime = true, 31*time.Minute
	b.round("cap")
	set := b.set("cap")
	if got := conditionOf(set, v1alpha1.ConditionExpiryDoubtful); got != v1alpha1.ReasonExpiryUnreadable {
		t.Errorf("ExpiryDoubtful is %q", got)
	}
	if row := rowOf(set, machines.Namespace); row.Expiry != v1alpha1.ExpiryUnreadable || row.ExpiresAt.Sub(noon) != 30*time.Minute {
		t.Errorf("the row is %+v", row)
	}
	for range 12 {
		b.drive(10 * time.Minute)
		if !b.allLive() {
			t.Fatal("dead")
		}
	}
	b.portal.unreadable = false
	b.drive(time.Hour)
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionExpiryDoubtful); got != "" {
		t.Errorf("ExpiryDoubtful is %q although the expiry is now known", got)
	}
}

func withSTS(policy v1alpha1.STSPolicy) func(*v1alpha1.CAPCredentialSet) {
	return func(set *v1alpha1.CAPCredentialSet) { set.Spec.Verification.STS = policy }
}

func (b *bench) revokeAll() {
	b.portal.mu.Lock()
	defer b.portal.mu.Unlock()
	for key := range b.portal.issued {
		delete(b.portal.issued, key)
	}
}

func TestRevokedSessions_AreReplacedWhenSTSIsAsked(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := oneBench(t, withSTS(v1alpha1.STSBestEffort))
		b.portal.lifetime = 12 * time.Hour
		b.round("cap")
		b.pass(10 * time.Minute)
		b.revokeAll()
		b.portal.lifetime = time.Hour
		within := 3*time.Hour + time.Minute // a quarter of the life
		if restarted {
			b.start()
			within = time.Minute
		}
		b.drive(within)
		if !b.allLive() {
			t.Errorf("restarted %v: dead %s after the sessions were revoked", restarted, within)
		}
	}
}

// The new credential lives shorter than the one in place claims to, which is dead.
func TestACredentialThatSTSRefuses_DoesNotKeepANewOneOut(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.Verification.STS, set.Spec.Refresh.JitterPercent = v1alpha1.STSBestEffort, ptr.To[int32](0)
	})
	b.portal.lifetime = 12 * time.Hour
	b.round("cap")
	b.pass(5 * time.Hour)
	b.round("cap") // checked now, so the next check is in three hours
	b.revokeAll()
	b.portal.lifetime = time.Hour
	b.pass(time.Hour + time.Minute)
	b.round("cap")
	if !b.allLive() {
		t.Error("what STS refuses was kept")
	}
	b.sts.away = true
	b.drive(2 * time.Hour)
	if !b.allLive() {
		t.Error("dead while STS is unreachable")
	}
}

func TestALifetimeThatWasAssumedTooLong_IsLearned(t *testing.T) {
	b := oneBench(t, withSTS(v1alpha1.STSBestEffort))
	b.portal.quiet, b.portal.lifetime = true, 15*time.Minute
	b.drive(40 * time.Minute)
	dead := 0
	for range 120 {
		b.drive(time.Minute)
		if !b.allLive() {
			dead++
		}
	}
	if dead > 0 {
		t.Errorf("dead for %d of 120 minutes after STS has shown how long they live", dead)
	}
}

func TestSTS_IsAskedAFewTimesInALifeAndOncePerCredential(t *testing.T) {
	b := oneBench(t, withSTS(v1alpha1.STSBestEffort))
	b.drive(24 * time.Hour)
	// Two roles, each fetched about every 28 minutes and asked about again half way.
	if b.sts.asked < 100 || b.sts.asked > 260 {
		t.Errorf("%d questions in a day", b.sts.asked)
	}
}

// A Secret that is deleted would get its credential back from another or from memory. What was revoked helps nobody.
func TestACopy_IsAskedAboutLikeWhatCAPGives(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := oneBench(t, withSTS(v1alpha1.STSRequired))
		b.round("cap")
		b.pass(time.Minute)
		b.revokeAll()
		if restarted {
			b.start()
		}
		b.secrets.put(machines, nil)
		writes := len(b.secrets.writes)
		b.drive(time.Minute)
		for _, w := range b.secrets.writes[writes:] {
			if !b.portal.live(w.after) {
				t.Errorf("restarted %v: a credential that STS refuses was copied into %s", restarted, w.ref)
			}
		}
		if secret, _, _ := b.secrets.Get(machines.Namespace, machines.Name); !b.portal.live(secret) {
			t.Errorf("restarted %v: dead a minute after a copy was refused", restarted)
		}
	}
}

func TestACopyThatSTSCannotBeAskedAbout_IsWrittenUnlessTheSpecRequiresTheAnswer(t *testing.T) {
	for policy, written := range map[v1alpha1.STSPolicy]bool{v1alpha1.STSRequired: false, v1alpha1.STSBestEffort: true, v1alpha1.STSOff: true} {
		b := oneBench(t, withSTS(policy))
		b.round("cap")
		b.pass(time.Minute)
		b.sts.away = true
		b.secrets.put(machines, nil)
		asked := b.sts.asked
		b.drive(2 * time.Minute)
		if _, found, _ := b.secrets.Get(machines.Namespace, machines.Name); found != written {
			t.Errorf("%s: written %v, want %v", policy, found, written)
		}
		if n := b.sts.asked - asked; n > 30 {
			t.Errorf("%s: %d requests to STS in two minutes", policy, n)
		}
		b.sts.away = false
		b.drive(30 * time.Minute)
		if !b.allLive() {
			t.Errorf("%s: dead after STS has come back", policy)
		}
	}
}
