package capcredentialset

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

func scopeWith(rows []plan.Row) *scope {
	s := &scope{state: &state{memory: plan.NewMemory(), proof: &v1alpha1.CAPProof{}}, set: namedSet("cap", 0)}
	s.plan.Rows = rows
	return s
}

func aRow(n int, result string) plan.Row {
	return plan.Row{
		Target: plan.Target{Ref: ref(fmt.Sprintf("ns-%d", n), "s")}, Observation: plan.Observation{Known: true, Found: true},
		Result: result, Message: strings.Repeat("long words ", 200), Role: strings.Repeat("r", 512),
		ExpiresAt: noon, FetchedAt: noon, Next: noon,
	}
}

func TestStatus_StaysSmallWithAThousandSecretsAndListsTheFailingOnesFirst(t *testing.T) {
	var rows []plan.Row
	for n := range 1000 {
		result := v1alpha1.ReasonFresh
		if n >= 997 {
			result = v1alpha1.ReasonRoleRefused
		}
		rows = append(rows, aRow(n, result))
	}
	s := scopeWith(rows)
	s.fillStatus()
	s.setReady()
	b, err := json.Marshal(s.set.Status)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) >= 256<<10 {
		t.Errorf("the status has %d bytes", len(b))
	}
	status := s.set.Status
	for i := range 3 {
		if status.Targets[i].Result != v1alpha1.ReasonRoleRefused {
			t.Errorf("row %d is %s, want the failing ones first", i, status.Targets[i].Result)
		}
	}
	if status.Credentials != "997/1000" || int(status.TargetsNotListed)+len(status.Targets) != 1000 {
		t.Errorf("%s, %d listed and %d not", status.Credentials, len(status.Targets), status.TargetsNotListed)
	}
}

func TestStatus_ListsAllThatFailsAsFarAsTheAPIAllowsAndFewThatAreFresh(t *testing.T) {
	for failing, want := range map[int]int{0: maxFresh, 7: maxFresh, 120: 120, 900: maxRows} {
		var rows []plan.Row
		for n := range 1000 {
			r := aRow(n, v1alpha1.ReasonFresh)
			if n >= 1000-failing {
				r.Result = v1alpha1.ReasonRoleRefused
			}
			r.Message, r.Role = "", "r"
			rows = append(rows, r)
		}
		s := scopeWith(rows)
		s.fillStatus()
		if got := len(s.set.Status.Targets); got != want || int(s.set.Status.TargetsNotListed) != 1000-want {
			t.Errorf("%d failing: %d rows and %d more, want %d", failing, got, s.set.Status.TargetsNotListed, want)
		}
	}
}

// What a list has no room for is still watched, measured and counted while the targets are unknown.
func TestStatus_RemembersTheRowsThatItDoesNotList(t *testing.T) {
	var rows []plan.Row
	for n := range 300 {
		rows = append(rows, aRow(n, v1alpha1.ReasonFresh))
	}
	s := scopeWith(rows)
	s.fillStatus()
	s.plan.Rows, s.partial = nil, &plan.Hold{Reason: v1alpha1.ReasonClusterUnknown}
	for range 2 {
		s.fillStatus()
		if got := s.set.Status.Credentials; got != "0/300" || len(s.lastKnown()) != 300 {
			t.Errorf("the status counts %s, and %d are known", got, len(s.lastKnown()))
		}
	}
}

func TestStatus_KeepsWhatWasKnownOfASecretThatIsNotReadYet(t *testing.T) {
	unread := plan.Row{Target: plan.Target{Ref: machines}, Result: v1alpha1.ReasonAwaitingRefresh}
	s := scopeWith([]plan.Row{unread})
	s.set.Status.Targets = []v1alpha1.CredentialTargetStatus{{Namespace: machines.Namespace, Name: machines.Name, Result: v1alpha1.ReasonFresh, Role: "r"}}
	s.fillStatus()
	if got := s.set.Status.Targets[0]; got.Result != v1alpha1.ReasonFresh || got.Role != "r" {
		t.Errorf("the row is %+v", got)
	}
}

// Who loses the right to a Secret, or cannot read it for a moment, still has to know when what is in it dies.
func TestStatus_RemembersWhenTheCredentialDiesThatCannotBeReadAnyMore(t *testing.T) {
	expires := metav1.NewTime(noon.Add(10 * time.Minute))
	for result, r := range map[string]plan.Row{
		v1alpha1.ReasonForbidden:       {Target: plan.Target{Ref: machines}, Observation: plan.Observation{Forbidden: true}, Result: v1alpha1.ReasonForbidden},
		v1alpha1.ReasonAwaitingRefresh: {Target: plan.Target{Ref: machines}, Result: v1alpha1.ReasonAwaitingRefresh},
	} {
		s := scopeWith([]plan.Row{r, aRow(1, v1alpha1.ReasonFresh)})
		s.plan.Rows[1].ExpiresAt = noon.Add(time.Hour)
		s.set.Status.Targets = []v1alpha1.CredentialTargetStatus{{
			Namespace: machines.Namespace, Name: machines.Name, Result: v1alpha1.ReasonFresh, ExpiresAt: &expires, RefreshedAt: &expires,
		}}
		s.fillStatus()
		s.setReady()
		if got := s.set.Status; got.EarliestExpiry == nil || !got.EarliestExpiry.Equal(&expires) || rowOf(s.set, machines.Namespace).ExpiresAt == nil {
			t.Errorf("%s: the first expiry is %v, the row %+v", result, got.EarliestExpiry, rowOf(s.set, machines.Namespace))
		}
		if message := s.set.Status.Conditions[0].Message; !strings.Contains(message, expires.UTC().Format(time.RFC3339)) {
			t.Errorf("%s: the message does not say when: %s", result, message)
		}
	}
}

func TestReady_SaysWhoMustAct(t *testing.T) {
	one := func(result string) []plan.Row {
		return []plan.Row{{Target: plan.Target{Ref: machines}, Result: result, Message: "Words. What to do."}}
	}
	tests := map[string]struct {
		rows   []plan.Row
		change func(*scope)
		reason string
		// ready is the status of Ready; present the abnormal condition that comes with it, if any
		ready   metav1.ConditionStatus
		present string
	}{
		"all fresh": {one(v1alpha1.ReasonFresh), nil, v1alpha1.ReasonFresh, metav1.ConditionTrue, ""},
		"an edit is not proven": {one(v1alpha1.ReasonFresh), func(s *scope) { s.set.Generation++ },
			v1alpha1.ReasonEditNotProven, metav1.ConditionUnknown, v1alpha1.ConditionReconciling},
		"an edit was wrong": {one(v1alpha1.ReasonFresh), func(s *scope) {
			s.proof.Certificate = "another"
			s.memory.Portal = plan.Breaker{Open: true, Failure: plan.Failure{Count: 1, Reason: v1alpha1.ReasonAuthenticationRefused, Message: "m"}}
		}, v1alpha1.ReasonEditNotProven, metav1.ConditionFalse, v1alpha1.ConditionStalled},
		"an edit cannot be proven at present": {one(v1alpha1.ReasonFresh), func(s *scope) {
			s.proof.Authorities, s.authorities, s.memory.Prover = "others", "these", "r"
			s.memory.Roles["r"] = plan.Failure{Count: 1, Reason: v1alpha1.ReasonMalformedCredential, Message: "m"}
		}, v1alpha1.ReasonEditNotProven, metav1.ConditionFalse, v1alpha1.ConditionReconciling},
		"nothing to do":                {nil, nil, v1alpha1.ReasonNoTargets, metav1.ConditionUnknown, v1alpha1.ConditionReconciling},
		"about to be fetched":          {one(v1alpha1.ReasonAwaitingRefresh), nil, v1alpha1.ReasonAwaitingRefresh, metav1.ConditionUnknown, v1alpha1.ConditionReconciling},
		"a namespace is still to come": {one(v1alpha1.ReasonNamespaceMissing), nil, v1alpha1.ReasonNamespaceMissing, metav1.ConditionUnknown, v1alpha1.ConditionReconciling},
		"the portal is away":           {one(v1alpha1.ReasonCAPUnavailable), nil, v1alpha1.ReasonRefreshFailing, metav1.ConditionFalse, v1alpha1.ConditionReconciling},
		"the role is refused":          {one(v1alpha1.ReasonRoleRefused), nil, v1alpha1.ReasonRefreshFailing, metav1.ConditionFalse, v1alpha1.ConditionStalled},
		"the set is held": {one(v1alpha1.ReasonFresh), func(s *scope) { s.hold = &plan.Hold{Reason: v1alpha1.ReasonCertificateExpired, Message: "m"} },
			v1alpha1.ReasonCertificateExpired, metav1.ConditionFalse, v1alpha1.ConditionStalled},
		"the set is suspended": {one(v1alpha1.ReasonFresh), func(s *scope) {
			s.set.Spec.Suspend, s.hold = true, &plan.Hold{Reason: v1alpha1.ReasonSuspended, Message: "m"}
		}, v1alpha1.ReasonSuspended, metav1.ConditionUnknown, ""},
		"the requests may not be read": {one(v1alpha1.ReasonFresh), func(s *scope) {
			s.requestsErr = apierrors.NewForbidden(schema.GroupResource{}, "", nil)
		}, v1alpha1.ReasonForbidden, metav1.ConditionFalse, v1alpha1.ConditionStalled},
		"a workload could not be restarted": {one(v1alpha1.ReasonFresh), func(s *scope) {
			target := v1alpha1.RestartTarget{Kind: "Deployment", Namespace: "n", Name: "d"}
			s.set.Spec.RestartTargets = []v1alpha1.RestartTarget{target}
			s.memory.Restarts[target] = plan.RestartState{Failure: plan.Failure{}.Again(v1alpha1.ReasonRestartFailed, "m", noon, time.Time{}, plan.WriteRhythm)}
		}, v1alpha1.ReasonRestartFailed, metav1.ConditionFalse, v1alpha1.ConditionReconciling},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := scopeWith(test.rows)
			if test.change != nil {
				test.change(s)
			}
			s.setReady()
			present := ""
			for _, c := range s.set.Status.Conditions {
				if c.Type == v1alpha1.ConditionReady {
					if c.Reason != test.reason || c.Status != test.ready {
						t.Errorf("Ready is %s (%s), want %s (%s)", c.Status, c.Reason, test.ready, test.reason)
					}
					if c.Message == "" {
						t.Error("Ready has no message")
					}
					continue
				}
				present = c.Type
			}
			if present != test.present {
				t.Errorf("condition %q comes with it, want %q", present, test.present)
			}
		})
	}
}

func TestEveryFailureOfTheportalSaysWhatToDo(t *testing.T) {
	for reason, words := range advice {
		if message := withAdvice(reason, "It failed"); !strings.HasPrefix(message, "It failed. ") || !strings.HasSuffix(message, words) {
			t.Errorf("%s: %s", reason, message)
		}
	}
}

func TestForbidden_ComesWithTheCommandThatGrantsIt(t *testing.T) {
	message := forbiddenMessage(ref("app", "s"), "read", "ops")
	for _, part := range []string{"oc -n app create role", "--resource-name=s", "--verb=get,list,watch,create,patch", "--serviceaccount=ops:credential-rotation-operator"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message does not contain %q: %s", part, message)
		}
	}
	if n := len([]rune(forbiddenMessage(ref(strings.Repeat("n", 63), strings.Repeat("s", 63)), "read", "e"))); n > maxRowMessage {
		t.Errorf("a message of %d characters would be cut in the middle of the command", n)
	}
}

// An admission policy, or a name in the request, may put any words into the API server's error.
func TestForbidden_GrantsNothingToAnAccountThatAnErrorNames(t *testing.T) {
	b := oneBench(t, nil)
	err := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s",
		errors.New(`User "system:serviceaccount:tenant:mallory" cannot patch resource "secrets" in API group "" in the namespace "app"`))
	if e := b.r.judgeWrite(ref("app", "s"), err); e.reason != v1alpha1.ReasonForbidden || strings.Contains(e.message, "mallory") {
		t.Errorf("%s: %s", e.reason, e.message)
	}
}

func TestObserve_SeesWhatIsInASecretWithoutKeepingIt(t *testing.T) {
	key := []byte("key")
	data := awscreds.Render(awscreds.Credential{AccessKeyID: "ASIACANARY", SecretAccessKey: "CANARYSECRET", SessionToken: "CANARYTOKEN"})
	b := plan.Bookkeeping{Role: "r", RefreshedAt: noon, ExpiresAt: noon.Add(time.Hour), Expiry: v1alpha1.ExpiryTold}
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: types.UID("u"), ResourceVersion: "1"}, Data: data}
	s.Annotations = b.Annotations("cap", awscreds.Seal(key, statement("", "", "u", b), data))
	b.Hash = awscreds.Hash(key, data)
	o := observe(s, key)
	if !o.Usable || o.Edited() || o.Bookkeeping != b {
		t.Errorf("observed %+v", o)
	}
	if strings.Contains(fmt.Sprintf("%+v", o), "CANARY") {
		t.Error("an observation keeps the content")
	}
	data["role"] = []byte("r")
	if o = observe(s, key); o.Edited() {
		t.Error("another key of the Secret counts as an edit")
	}
	data["credentials"] = append(data["credentials"], '\n')
	s.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: managedfields.Operator, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:credentials":{}}}`), Time: &metav1.Time{Time: noon}},
		{Manager: managedfields.Operator, Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:aws_access_key_id":{}}}`), Time: &metav1.Time{Time: noon.Add(time.Hour)}},
		{Manager: "labeller", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{}}}`), Time: &metav1.Time{Time: noon.Add(time.Hour)}},
		{Manager: "kubectl-edit", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:credentials":{}}}`), Time: &metav1.Time{Time: noon}},
		{Manager: "earlier", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:aws_access_key_id":{}}}`), Time: &metav1.Time{Time: noon.Add(-time.Hour)}},
	}
	if o = observe(s, key); !o.Edited() || o.Writer != "kubectl-edit" {
		t.Errorf("an edit is seen: %v, by %q, want kubectl-edit", o.Edited(), o.Writer)
	}
	for _, bad := range []string{"", "yesterday", "2026-13-01T00:00:00Z"} {
		if got := plan.ReadBookkeeping(map[string]string{v1alpha1.RefreshedAtAnnotation: bad}); !got.RefreshedAt.IsZero() {
			t.Errorf("%q counts as a time", bad)
		}
	}
}

func TestNote_IsNeverLongerThanTheAPIAllows(t *testing.T) {
	for _, words := range []string{"short", strings.Repeat("a", 1024), strings.Repeat("a", 1025), strings.Repeat("ä", 2000), strings.Repeat("日", 2000)} {
		got := note(words)
		if len(got) > 1024 || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %d, valid: %v", len(words), len(got), utf8.ValidString(got))
		}
		if len(words) <= 1024 && got != words {
			t.Error("what fits was cut")
		}
	}
}
