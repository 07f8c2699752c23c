package capcredentialset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// oneBench serves the four Secrets of propertyRequests with two roles, one request to the portal at a time.
func oneBench(t *testing.T, change func(*v1alpha1.CAPCredentialSet)) *bench {
	t.Helper()
	set := propertySet()
	set.Spec.Endpoint.MaxConcurrentRequests = 1
	if change != nil {
		change(set)
	}
	b := newBench(t, set)
	b.facts.requests = propertyRequests
	return b
}

func refuse(class cap.Class) func() (awscreds.Credential, error) {
	return func() (awscreds.Credential, error) {
		return awscreds.Credential{}, &cap.Error{Class: class, Message: "It failed"}
	}
}

func TestABadAnswer_LeavesTheSecretsOfItsRoleAsTheyAreAndOtherRolesGoOn(t *testing.T) {
	for _, class := range cap.Classes() {
		t.Run(string(class), func(t *testing.T) {
			b := oneBench(t, nil)
			b.round("cap")
			before, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
			b.pass(40 * time.Minute)
			b.portal.answers["r1"] = refuse(class)
			b.round("cap")

			after, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
			if !sameKeys(before, after) || after.ResourceVersion != before.ResourceVersion {
				t.Error("the Secret of the failing role was touched")
			}
			set := b.set("cap")
			row := rowOf(set, machines.Namespace)
			if row.Result != string(class) || row.Message == "" || row.ExpiresAt == nil {
				t.Errorf("the row is %+v, want the reason %s and the expiry of what is there", row, class)
			}
			if row := rowOf(set, ingress.Namespace); row.Result != v1alpha1.ReasonFresh || !row.RefreshedAt.Time.Equal(b.truth) {
				t.Errorf("the other role did not go on: %+v", row)
			}
			if set.Status.Credentials != "2/4" || set.Status.Targets[0].Result != string(class) {
				t.Errorf("%s, first %s: want 2/4 and the failing ones first", set.Status.Credentials, set.Status.Targets[0].Result)
			}
			b.pass(15 * time.Minute)
			delete(b.portal.answers, "r1")
			b.round("cap")
			if set := b.set("cap"); set.Status.Credentials != "4/4" {
				t.Errorf("%s after the portal answers well again", set.Status.Credentials)
			}
		})
	}
}

func rowOf(set *v1alpha1.CAPCredentialSet, namespace string) v1alpha1.CredentialTargetStatus {
	for _, t := range set.Status.Targets {
		if t.Namespace == namespace {
			return t
		}
	}
	return v1alpha1.CredentialTargetStatus{}
}

func TestASleepOfDays_RefreshesEverythingAtOnceInTheOrderOfImportance(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{
			{Name: "machines", Role: "z-machines"}, {Name: "ingress", Role: "y-ingress"}, {Name: "registry", Role: "x-registry"}, {Name: "storage", Role: "w-storage"},
		}
	})
	b.round("cap")
	b.pass(5 * 24 * time.Hour)
	b.secrets.writes = nil
	b.round("cap")
	var order []string
	for _, w := range b.secrets.writes {
		order = append(order, w.ref.Namespace)
	}
	if got, want := fmt.Sprint(order), fmt.Sprint([]string{machines.Namespace, ingress.Namespace, registry.Namespace, storage.Namespace}); got != want {
		t.Errorf("written in the order %s, want %s", got, want)
	}
}

func TestANewCredential_IsGivenToASecretThatWasDeletedAlsoWhileThePortalIsAway(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	calls := total(b.portal.calls)
	b.portal.answers["r1"] = refuse(cap.Unavailable)
	b.secrets.put(machines, nil)
	b.round("cap")
	s, found, _ := b.secrets.Get(machines.Namespace, machines.Name)
	if !found || !b.portal.live(s) {
		t.Error("the Secret is not back, although another one of its role holds a live credential")
	}
	if n := total(b.portal.calls) - calls; n != 0 {
		t.Errorf("%d requests to CAP", n)
	}
}

func TestTheSameCredential_IsNotWrittenAgainNorAskedForAllTheTime(t *testing.T) {
	b := oneBench(t, nil)
	b.portal.reuse = true
	b.round("cap")
	writes := len(b.secrets.writes)
	calls := total(b.portal.calls)
	for range 29 * 4 { // until shortly before the expiry
		b.pass(15 * time.Second)
		b.round("cap")
	}
	b.pass(15 * time.Minute)
	for range 14 * 4 {
		b.pass(15 * time.Second)
		b.round("cap")
	}
	if n := len(b.secrets.writes) - writes; n != 0 {
		t.Errorf("the same credential was written %d times", n)
	}
	if n := total(b.portal.calls) - calls; n < 2 || n > 24 {
		t.Errorf("%d requests in an hour for two roles to a portal that repeats its credentials", n)
	}
	if set := b.set("cap"); set.Status.Credentials != "4/4" {
		t.Errorf("credentials that live are shown as %s", set.Status.Credentials)
	}
	b.pass(2 * time.Minute)
	b.round("cap")
	if n := len(b.secrets.writes) - writes; n != 4 {
		t.Errorf("the new credential was written %d times, want 4", n)
	}
}

func TestACredentialThatLivesShorter_DoesNotReplaceOne(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.Refresh.AtLifetimePercent = 10 })
	b.round("cap")
	writes := len(b.secrets.writes)
	b.portal.lifetime = 5 * time.Minute
	b.pass(10 * time.Minute)
	b.round("cap")
	if n := len(b.secrets.writes) - writes; n != 0 {
		t.Errorf("%d Secrets lost a credential that lives for 50 minutes to one for 5", n)
	}
	b.pass(49 * time.Minute)
	b.round("cap")
	if n := len(b.secrets.writes) - writes; n != 4 {
		t.Errorf("%d Secrets were written, want 4", n)
	}
}

func TestStatus_IsWrittenOncePerRoundAtMostAndNotWithoutNews(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	version := b.set("cap").ResourceVersion
	for range 5 {
		b.pass(time.Minute)
		b.round("cap")
	}
	if got := b.set("cap").ResourceVersion; got != version {
		t.Error("the status was written without news")
	}
}

func TestARequest_RefreshesWhatIsOlderOnce(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(5 * time.Minute)
	set := b.set("cap")
	set.Annotations = map[string]string{v1alpha1.RefreshRequestedAnnotation: b.truth.Format(time.RFC3339)}
	if err := b.client.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	writes := len(b.secrets.writes)
	for range 3 {
		b.round("cap")
	}
	if n := len(b.secrets.writes) - writes; n != 4 {
		t.Errorf("%d writes, want 4", n)
	}
}

func TestTheMode_HoldsEverything(t *testing.T) {
	for name, test := range map[string]struct {
		mode   cluster.CredentialsMode
		manual bool
	}{
		"Manual":  {cluster.CredentialsMode{Known: true, Installed: true, Mode: "Manual"}, true},
		"Mint":    {cluster.CredentialsMode{Known: true, Installed: true, Mode: "Mint"}, false},
		"default": {cluster.CredentialsMode{Known: true, Installed: true}, false},
		"default, switched off by the legacy ConfigMap": {cluster.CredentialsMode{Known: true, Installed: true, LegacyDisabled: true}, true},
		"Mint in spite of the legacy ConfigMap":         {cluster.CredentialsMode{Known: true, Installed: true, Mode: "Mint", LegacyDisabled: true}, false},
		"no cloud-credential-operator":                  {cluster.CredentialsMode{Known: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := oneBench(t, nil)
			b.facts.mode = test.mode
			b.round("cap")
			if wrote := len(b.secrets.writes) > 0; wrote != test.manual {
				t.Errorf("Secrets were written: %v, want %v", wrote, test.manual)
			}
			ready := conditionOf(b.set("cap"), v1alpha1.ConditionReady)
			if held := ready == v1alpha1.ReasonCredentialsModeNotManual; held == test.manual {
				t.Errorf("Ready is %s", ready)
			}
		})
	}
}

func conditionOf(set *v1alpha1.CAPCredentialSet, name string) string {
	for _, c := range set.Status.Conditions {
		if c.Type == name {
			return c.Reason
		}
	}
	return ""
}

func TestSuspend_StopsEveryEffectAndSaysSo(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.Suspend = true })
	b.round("cap")
	if len(b.secrets.writes) != 0 || total(b.portal.calls) != 0 {
		t.Errorf("%d writes and %d calls", len(b.secrets.writes), total(b.portal.calls))
	}
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionReady); got != v1alpha1.ReasonSuspended {
		t.Errorf("Ready is %s", got)
	}
}

func TestTheLegacyCronJob_IsNamedAsASecondWriter(t *testing.T) {
	b := oneBench(t, nil)
	b.facts.cronJobs = []cluster.CronJob{{Namespace: "cap-token-refresh", Name: "cap-token-refresh", Schedule: "*/30 * * * *"}}
	b.round("cap")
	set := b.set("cap")
	if got := conditionOf(set, v1alpha1.ConditionSecondWriter); got != v1alpha1.ReasonLegacyCronJob {
		t.Errorf("SecondWriter is %s", got)
	}
	if got := conditionOf(set, v1alpha1.ConditionReady); got != v1alpha1.ReasonFresh {
		t.Errorf("Ready is %s: the CronJob is no reason to let credentials expire", got)
	}
	b.facts.cronJobs = nil
	b.round("cap")
	if got := conditionOf(b.set("cap"), v1alpha1.ConditionSecondWriter); got != v1alpha1.ReasonNoSecondWriter {
		t.Errorf("SecondWriter is %s after it was suspended", got)
	}
}

func TestALeftoverSessionToken_IsNotKeptBesideANewKey(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.portal.tokenless = true
	b.pass(40 * time.Minute)
	b.round("cap")
	s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
	if token := s.Data[awscreds.KeySessionToken]; len(token) > 0 {
		t.Error("the token of the credential before is still there")
	}
	if strings.Contains(string(s.Data[awscreds.KeyCredentials]), "session_token") || !b.portal.live(s) {
		t.Error("the file is not that of the new credential")
	}
}

func TestMissingSecrets_AreLeftMissingWhereThatIsWanted(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) { set.Spec.CreateMissingSecrets = ptr.To(false) })
	b.round("cap")
	if row := rowOf(b.set("cap"), machines.Namespace); row.Result != v1alpha1.ReasonSecretMissing || total(b.portal.calls) != 0 {
		t.Errorf("the row is %s, with %d requests to CAP", row.Result, total(b.portal.calls))
	}
}

func TestARoleKey_StaysAndCountsAndItsEditMovesTheSecret(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{
			SecretRoleKey: v1alpha1.SecretRoleKeyAllowListed, AllowedRoles: []string{"own", "another"},
		}
	})
	b.secrets.put(machines, &corev1.Secret{Data: map[string][]byte{"role": []byte("own\n")}}) // as echo leaves it
	b.round("cap")
	s, _, _ := b.secrets.Get(machines.Namespace, machines.Name)
	if b.portal.calls["own"] != 1 || string(s.Data["role"]) != "own\n" {
		t.Errorf("calls %v, role %q", b.portal.calls, s.Data["role"])
	}
	if row := rowOf(b.set("cap"), registry.Namespace); row.Result != v1alpha1.ReasonNoRole || !strings.Contains(row.Message, "role") {
		t.Errorf("a Secret that says no role: %+v", row)
	}
	s.Data["role"] = []byte("another")
	b.secrets.put(machines, s)
	b.pass(10 * time.Second)
	b.round("cap")
	if b.portal.calls["another"] != 1 {
		t.Errorf("requests %v: the new role was not requested", b.portal.calls)
	}
}

func TestEvents_TellEachThingOnceAlsoAcrossARestart(t *testing.T) {
	b := oneBench(t, nil)
	recorder := events.NewFakeRecorder(100)
	b.r.recorder = recorder
	drain := func() []string {
		var all []string
		for len(recorder.Events) > 0 {
			all = append(all, <-recorder.Events)
		}
		return all
	}
	b.round("cap")
	if all := drain(); len(all) != 1 || !strings.Contains(all[0], "Normal Refreshed 2 credentials in 4 Secrets") {
		t.Errorf("events: %q, want one for both roles", all)
	}
	b.pass(40 * time.Minute)
	b.portal.answers["r1"] = refuse(cap.RoleRefused)
	b.round("cap")
	if all := drain(); len(all) != 2 {
		t.Errorf("events: %q, want one for the role that went well and one for the other", all)
	}
	for range 3 {
		b.pass(10 * time.Minute)
		b.start()
		b.r.recorder = recorder
		b.round("cap")
	}
	for _, e := range drain() {
		if strings.Contains(e, "RoleRefused") {
			t.Errorf("reported again: %s", e)
		}
	}
}

func TestAProcessThatDiedBeforeItRestartedAWorkload_IsMadeUpFor(t *testing.T) {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: machines.Namespace, Name: "d"}}
	set := propertySet()
	set.Spec.RestartTargets = []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "d"}}
	b := newBench(t, set, deployment)
	b.facts.requests = propertyRequests
	restartedAt := func() string {
		d := &appsv1.Deployment{}
		if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(deployment), d); err != nil {
			t.Fatal(err)
		}
		return d.Spec.Template.Annotations[v1alpha1.RestartedAtAnnotation]
	}
	b.start()
	b.round("cap")
	first := restartedAt()
	if first == "" {
		t.Fatal("the first refresh has not restarted it")
	}
	b.pass(40 * time.Minute)
	b.round("cap")
	second := restartedAt()
	if second == first {
		t.Fatal("the second refresh has not restarted it")
	}
	// As if the process had died between the write and the restart.
	d := &appsv1.Deployment{}
	if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(deployment), d); err != nil {
		t.Fatal(err)
	}
	d.Spec.Template.Annotations[v1alpha1.RestartedAtAnnotation] = first
	if err := b.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.round("cap")
	if got := restartedAt(); got != second {
		t.Errorf("restarted at %s, want %s", got, second)
	}
	// A workload without the annotation is not restarted just because the operator starts.
	d.ResourceVersion, d.Spec.Template.Annotations = "", nil
	if err := b.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.round("cap")
	if got := restartedAt(); got != "" {
		t.Errorf("the start of the operator restarted it: %s", got)
	}
}

func TestARoundThatUsedUpItsTime_LeavesTheRestToTheNext(t *testing.T) {
	b := oneBench(t, func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Name: "machines", Role: "slow"}, {Name: "registry", Role: "r1"}}
	})
	b.portal.answers["slow"] = func() (awscreds.Credential, error) {
		b.pass(time.Minute) // as long as the longest of timeouts
		return refuse(cap.Unavailable)()
	}
	again := b.round("cap")
	if again > 10*time.Second {
		t.Errorf("the next round comes after %s", again)
	}
	if n := total(b.portal.calls); n != 1 {
		t.Errorf("%d calls in a round whose first one took a minute", n)
	}
	b.pass(again)
	b.round("cap")
	if set := b.set("cap"); set.Status.Credentials == "0/4" {
		t.Errorf("a role that hangs holds up the others: %s", set.Status.Credentials)
	}
}

func TestAClockThatWasSetBack_LeadsToARefreshAndNotToAWait(t *testing.T) {
	b := oneBench(t, nil)
	b.round("cap")
	b.pass(20 * time.Minute)
	b.round("cap")
	calls := total(b.portal.calls)
	// Three quarters of an hour later the clock says that it was five minutes.
	b.truth = b.truth.Add(time.Minute)
	b.clock.SetTime(noon.Add(5 * time.Minute))
	b.round("cap")
	if n := total(b.portal.calls) - calls; n != 2 {
		t.Errorf("%d calls after the clock was set back, want one per role", n)
	}
	b.pass(time.Minute)
	b.round("cap")
	if n := total(b.portal.calls) - calls; n != 2 {
		t.Errorf("%d calls a minute later, want no more", n)
	}
}
