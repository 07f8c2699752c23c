package capcredentialset

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// seenBy is what a GitOps tool with the library of kstatus makes of an object.
func seenBy(t *testing.T, o runtime.Object) status.Status {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: fields})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// appliedSet is a newly applied set: by the schema's default it has not been reconciled.
func appliedSet() *v1alpha1.CAPCredentialSet {
	set := namedSet("cap", 0)
	set.Generation, set.Status.ObservedGeneration = 1, -1
	return set
}

// judged is one round's report about a set.
func judged(set *v1alpha1.CAPCredentialSet, found func(*scope)) {
	s := &scope{
		state: &state{memory: plan.NewMemory(), proof: &v1alpha1.CAPProof{Generation: set.Generation}}, set: set, started: noon.Add(-time.Hour),
	}
	found(s)
	s.fillStatus()
	s.setReady()
	s.setSuspended()
}

// rowsThat are of Secrets with these results.
func rowsThat(results ...string) func(*scope) {
	return func(s *scope) {
		for n, result := range results {
			s.plan.Rows = append(s.plan.Rows, aRow(n, result))
		}
	}
}

// A tool that waits for a set goes on when it is Current, stops when it is Failed, and waits while it is InProgress.
func TestKstatus_OfEveryState(t *testing.T) {
	current, waits, failed := status.CurrentStatus, status.InProgressStatus, status.FailedStatus
	for name, c := range map[string]struct {
		found func(*scope)
		want  status.Status
	}{
		"all are fresh": {rowsThat(v1alpha1.ReasonFresh, v1alpha1.ReasonFresh), current},
		"an edit is to be proven": {func(s *scope) {
			rowsThat(v1alpha1.ReasonFresh)(s)
			s.proof.Generation = 0
		}, waits},
		"CAP refuses what was edited": {func(s *scope) {
			rowsThat(v1alpha1.ReasonFresh)(s)
			s.proof.Generation = 0
			s.memory.Portal = plan.Breaker{Open: true, Failure: plan.Failure{Count: 1, Reason: v1alpha1.ReasonAuthenticationRefused, Message: "m"}}
		}, failed},
		"nothing is to be served":                    {rowsThat(), waits},
		"a first refresh is to come":                 {rowsThat(v1alpha1.ReasonFresh, v1alpha1.ReasonAwaitingRefresh), waits},
		"a namespace is to come":                     {rowsThat(v1alpha1.ReasonNamespaceMissing), waits},
		"one waits and another needs a person":       {rowsThat(v1alpha1.ReasonAwaitingRefresh, v1alpha1.ReasonNoRole), failed},
		"one is retried and another needs no action": {rowsThat(v1alpha1.ReasonCAPUnavailable, v1alpha1.ReasonFresh), waits},
		"the client certificate is missing":          {func(s *scope) { s.hold = &plan.Hold{Reason: v1alpha1.ReasonCertificateMissing} }, failed},
		"the spec cannot be carried out in parts":    {func(s *scope) { s.partial = &plan.Hold{Reason: v1alpha1.ReasonInvalidSpec} }, failed},
		"the cluster's facts are not known":          {func(s *scope) { s.partial = &plan.Hold{Reason: v1alpha1.ReasonClusterUnknown} }, waits},
		"the CredentialsRequests cannot be listed":   {func(s *scope) { s.requestsErr = errors.New("no right") }, failed},
	} {
		t.Run(name, func(t *testing.T) {
			set := appliedSet()
			judged(set, c.found)
			if got := seenBy(t, set); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			set.Spec.Suspend = true
			judged(set, func(s *scope) { c.found(s); s.hold = &plan.Hold{Reason: v1alpha1.ReasonSuspended} })
			if got := seenBy(t, set); got != c.want {
				t.Errorf("suspended, it is %s, want %s as before", got, c.want)
			}
			set.Generation++
			if got := seenBy(t, set); got != waits {
				t.Errorf("edited, it is %s before anybody has looked, want InProgress", got)
			}
		})
	}
}

// Every reason that a Secret may have: none of them is Current, and those that need a person fail at once instead of letting a tool
// run into its timeout.
func TestKstatus_OfEveryReasonOfASecret(t *testing.T) {
	waiting := []string{
		v1alpha1.ReasonAwaitingRefresh, v1alpha1.ReasonNamespaceMissing, v1alpha1.ReasonCAPUnavailable, v1alpha1.ReasonProxyUnavailable,
		v1alpha1.ReasonMalformedCredential, v1alpha1.ReasonCredentialExpired, v1alpha1.ReasonCredentialRefused, v1alpha1.ReasonSTSUnavailable,
		v1alpha1.ReasonInternalError, v1alpha1.ReasonClusterUnknown,
	}
	want := map[string]status.Status{}
	for _, reason := range waiting {
		want[reason] = status.InProgressStatus
	}
	for reason := range needsPerson {
		want[reason] = status.FailedStatus
	}
	if len(want) != len(waiting)+len(needsPerson) {
		t.Error("a reason both waits and needs a person")
	}
	for reason, verdict := range want {
		set := appliedSet()
		judged(set, rowsThat(v1alpha1.ReasonFresh, reason))
		if got := seenBy(t, set); got != verdict {
			t.Errorf("with a Secret that is %s the set is %s, want %s", reason, got, verdict)
		}
	}
}

func TestKstatus_OfASetThatNobodyHasLookedAtIsInProgress(t *testing.T) {
	set := appliedSet()
	if got := seenBy(t, set); got != status.InProgressStatus {
		t.Errorf("just applied, it is %s", got)
	}
	set.Spec.Suspend = true
	judged(set, func(s *scope) { s.hold = &plan.Hold{Reason: v1alpha1.ReasonSuspended} })
	if got := seenBy(t, set); got != status.InProgressStatus {
		t.Errorf("suspended from the start, so that nothing is known of it, it is %s", got)
	}
	set.DeletionTimestamp = ptr.To(metav1.Now())
	if got := seenBy(t, set); got != status.TerminatingStatus {
		t.Errorf("while it is deleted, it is %s", got)
	}
}

// Conditions other than Ready are for users and alerts; GitOps tools do not wait for them.
func TestKstatus_IsNotChangedByTheOtherConditions(t *testing.T) {
	for _, kind := range []string{
		v1alpha1.ConditionClientCertificateValid, v1alpha1.ConditionSpecMatches, v1alpha1.ConditionSecondWriter,
		v1alpha1.ConditionClockSkewed, v1alpha1.ConditionExpiryDoubtful, v1alpha1.ConditionSuspended,
	} {
		for _, is := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
			set := appliedSet()
			judged(set, rowsThat(v1alpha1.ReasonFresh))
			set.Status.Conditions = append([]metav1.Condition{{Type: kind, Status: is, Reason: "R", Message: "This is so."}}, set.Status.Conditions...)
			if got := seenBy(t, set); got != status.CurrentStatus {
				t.Errorf("with %s=%s it is %s, want Current", kind, is, got)
			}
		}
	}
}
