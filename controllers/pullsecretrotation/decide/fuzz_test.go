package decide

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// statuses are those that the fuzzer varies: a cluster at each stage of a rotation.
func statuses(f *testing.F) []string {
	var all []string
	for _, change := range []func(*Input){issued, func(in *Input) { appliedSince(in, -1) }, rolledOut, rolledBack, changed, func(*Input) {}} {
		in := underWayInput()
		change(&in)
		raw, err := json.Marshal(in.Status)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, string(raw))
	}
	return append(all, `{}`, `{"rotation":{}}`, `{"history":[{"id":"a"},{"id":"a"}],"rotation":{"id":"a","appliedAt":"9999-12-31T23:59:59Z"}}`,
		`{"rotation":{"intendedAt":"0001-01-01T00:00:00Z","startedAt":null}}`)
}

// FuzzStatus: whatever the status, the annotation and the time are, the decision is one, is the same at each asking, changes nothing, says when to
// ask again, and sends no request without an intent in the status, or while a rotation has an id.
func FuzzStatus(f *testing.F) {
	for i, s := range statuses(f) {
		f.Add(s, `{"mode":"Rotate","rotateAfter":"2026-11-20T11:00:00Z"}`, "2026-11-20T11:00:00Z", int64(i)*int64(time.Hour))
	}
	f.Add(`{}`, `{"mode":"Follow","schedule":{"cron":"0 0 31 2 *"}}`, "x", int64(-1<<62))
	f.Add(`{}`, `{"mode":"Audit","approval":"BeforeRequest"}`, "", int64(1<<62))
	f.Fuzz(func(t *testing.T, status, spec, approved string, at int64) {
		in := underWayInput()
		in.Status, in.Approved, in.Now = &v1alpha1.PullSecretRotationStatus{}, approved, noon.Add(time.Duration(at))
		in.Spec = in.Spec.DeepCopy()
		if json.Unmarshal([]byte(status), in.Status) != nil || json.Unmarshal([]byte(spec), in.Spec) != nil || len(in.Spec.Targets) == 0 {
			return
		}
		before, specBefore := in.Status.DeepCopy(), in.Spec.DeepCopy()
		d := Decide(in)
		if again := Decide(in); !reflect.DeepEqual(again, d) {
			t.Fatalf("asked twice, it decides %+v and %+v", d, again)
		}
		if !reflect.DeepEqual(in.Status, before) || !reflect.DeepEqual(in.Spec, specBefore) {
			t.Fatal("deciding has changed the object")
		}
		r := in.Status.Rotation
		switch {
		case d.Step == "":
			t.Fatal("it decides nothing")
		case d.Step == Wait && (d.State == "" || d.Reason == "" || d.Phase == "" || d.Message == "" || d.After <= 0):
			t.Fatalf("a wait without a word or a time: %+v", d)
		case d.Step == Request && (r == nil || r.ID != "" || r.IntendedAt == nil):
			t.Fatalf("a request without an intent: %+v", r)
		case in.Spec.Suspend && d.Step != Wait:
			t.Fatalf("it is suspended, and does %s", d.Step)
		}
	})
}
