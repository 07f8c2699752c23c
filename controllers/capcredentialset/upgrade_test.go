package capcredentialset

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// upgradeBench is calm, and its spec prepares a release with these requests, each of which has a role of its own name.
func upgradeBench(t *testing.T, requests ...string) *bench {
	t.Helper()
	b := calmBench(t, nil)
	b.release(requests...)
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) {
		spec.Upgrade = &v1alpha1.UpgradeSpec{Prepare: &v1alpha1.LocalReference{Name: "next"}}
		c := spec.CredentialsRequests
		for _, r := range b.facts.requests { // so that a new request gets no default role
			if !slices.ContainsFunc(c.Roles, func(n v1alpha1.RequestRole) bool { return n.Name == r.Name }) {
				c.Roles = append(c.Roles, v1alpha1.RequestRole{Name: r.Name, Role: c.DefaultRole})
			}
		}
		c.DefaultRole = ""
		for _, r := range requests {
			spec.CredentialsRequests.Roles = append(spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: r, Role: r})
		}
	})
	return b
}

// release fills the ConfigMap with requests whose namespaces do not exist yet.
func (b *bench) release(requests ...string) {
	b.t.Helper()
	text := ""
	for _, r := range requests {
		text += "---\napiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n  name: " + r +
			"\n  namespace: openshift-cloud-credential-operator\nspec:\n  secretRef: {namespace: openshift-" + r + ", name: creds}\n  providerSpec: {kind: AWSProviderSpec}\n"
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "next"}, Data: map[string]string{"requests.yaml": text}}
	if err := b.client.Update(b.t.Context(), m); client.IgnoreNotFound(err) != nil {
		b.t.Fatal(err)
	} else if err != nil {
		if err := b.client.Create(b.t.Context(), m); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) wantUpgrade(reason string, words ...string) {
	b.t.Helper()
	c := meta.FindStatusCondition(b.set("cap").Status.Conditions, v1alpha1.ConditionUpgradeReady)
	if c == nil || c.Reason != reason {
		b.t.Fatalf("UpgradeReady is %+v, want %s", c, reason)
	}
	for _, w := range words {
		if !strings.Contains(c.Message, w) {
			b.t.Errorf("UpgradeReady does not say %q: %s", w, c.Message)
		}
	}
}

// Each role that only the next release needs is requested once, also across restarts, and the credential is not written.
func TestUpgrade_TriesEachNewRoleOnceAndWritesNothing(t *testing.T) {
	b := upgradeBench(t, "disks", "network")
	writes, before := len(b.secrets.writes), maps.Clone(b.portal.calls)
	b.drive(time.Hour)
	b.wantUpgrade(v1alpha1.ReasonUpgradePrepared, "Each of the 2")
	b.start()
	b.drive(time.Hour)
	b.wantUpgrade(v1alpha1.ReasonUpgradePrepared)
	for _, role := range []string{"disks", "network"} {
		if n := b.portal.calls[role]; n != 1 {
			t.Errorf("%s was requested %d times, want once", role, n)
		}
	}
	if n := len(b.secrets.writes) - writes; n != 0 {
		t.Errorf("%d Secrets were written", n)
	}
	for role, n := range b.portal.calls {
		if n > before[role]+2 && role != "disks" && role != "network" { // an edit is proven once by each
			t.Errorf("%s was requested %d more times", role, n-before[role])
		}
	}
	if held := slices.Collect(maps.Keys(b.r.states["cap"].held)); slices.Contains(held, "disks") {
		t.Error("the process keeps the credential of a role on trial")
	}
}

func TestUpgrade_SaysWhatIsMissing(t *testing.T) {
	b := upgradeBench(t, "disks", "network")
	b.portal.answers["network"] = func() (awscreds.Credential, error) {
		return awscreds.Credential{}, &cap.Error{Class: cap.RoleRefused, Message: "CAP refuses the role"}
	}
	b.drive(time.Hour)
	b.wantUpgrade(v1alpha1.ReasonUpgradeRoleRefused, "network (RoleRefused)")
	if n := b.portal.calls["network"]; n != 1 {
		t.Errorf("a role that CAP has refused was requested %d times", n)
	}
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready is %s, although the missing role affects only the next release", got)
	}

	delete(b.portal.answers, "network")
	b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.Refresh.AtLifetimePercent++ })
	b.drive(time.Minute)
	b.wantUpgrade(v1alpha1.ReasonUpgradePrepared) // an edit has it tried again

	b.release("disks", "network", "forgotten")
	b.drive(2 * upgradePause)
	b.wantUpgrade(v1alpha1.ReasonUpgradeRoleMissing, "forgotten", "selects it without a role")
}

// An unreachable CAP says nothing about a role, so it is requested again.
func TestUpgrade_AsksAgainWhenCAPWasAway(t *testing.T) {
	b := upgradeBench(t, "disks")
	b.portal.answers["disks"] = func() (awscreds.Credential, error) {
		return awscreds.Credential{}, &cap.Error{Class: cap.Unavailable, Message: "CAP is away"}
	}
	b.drive(10 * time.Minute)
	b.wantUpgrade(v1alpha1.ReasonUpgradeRolesUntried, "disks")
	delete(b.portal.answers, "disks")
	b.drive(time.Hour)
	b.wantUpgrade(v1alpha1.ReasonUpgradePrepared)
}

func TestUpgrade_SaysThatTheRequestsCannotBeRead(t *testing.T) {
	for what, change := range map[string]func(b *bench){
		"does not exist": func(b *bench) {
			if err := b.client.Delete(b.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "next"}}); err != nil {
				b.t.Fatal(err)
			}
		},
		"holds no AWS CredentialsRequest": func(b *bench) { b.release() },
	} {
		b := upgradeBench(t, "disks")
		change(b)
		b.drive(time.Minute)
		b.wantUpgrade(v1alpha1.ReasonUpgradeRequestsUnreadable, what)
		b.change(func(spec *v1alpha1.CAPCredentialSetSpec) { spec.Upgrade = nil })
		b.drive(time.Minute)
		if set := b.set("cap"); meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionUpgradeReady) != nil || set.Status.Upgrade != nil {
			t.Error("without spec.upgrade, something is said of the upgrade")
		}
	}
}
