package plan

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// FuzzBookkeeping: what annotations say is read as it was written, and what nobody wrote so is unknown.
func FuzzBookkeeping(f *testing.F) {
	f.Add("R", "2026-11-20T12:00:00.000000001Z", "2026-11-20T13:00:00Z", "Told", "v2:x")
	f.Add("", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "told", "")
	f.Add("\x00", "2026-11-20t12:00:00z", "2026-11-20T12:00:00+24:00", "Zoneless", "\xff")
	f.Fuzz(func(t *testing.T, role, refreshed, expires, expiry, seal string) {
		read := ReadBookkeeping(map[string]string{
			v1alpha1.RoleAnnotation: role, v1alpha1.RefreshedAtAnnotation: refreshed, v1alpha1.ExpiresAtAnnotation: expires, v1alpha1.ExpiryAnnotation: expiry,
		})
		if read.RefreshedAt.IsZero() != ParseTime(refreshed).IsZero() || read.Hash != "" || read.Role != role {
			t.Fatalf("it is read as %+v", read)
		}
		if known := known(read.Expiry); known != v1alpha1.ExpiryAssumed && known != read.Expiry {
			t.Fatalf("%q is read as %s", expiry, known)
		}
		if y := read.RefreshedAt.UTC().Year(); y < 0 || y > 9999 || read.ExpiresAt.UTC().Year() > 9999 || read.ExpiresAt.UTC().Year() < 0 {
			return // RFC 3339 cannot say it in UTC, and it is not written so
		}
		written := read.Annotations("set", seal)
		again := ReadBookkeeping(written)
		if !again.RefreshedAt.Equal(read.RefreshedAt) || !again.ExpiresAt.Equal(read.ExpiresAt.Truncate(time.Second)) || again.Expiry != read.Expiry || again.Role != role || written[v1alpha1.SealAnnotation] != seal {
			t.Fatalf("%+v is written as %v and read as %+v", read, written, again)
		}
	})
}

// FuzzPlan: whatever the bookkeeping of a Secret says and whatever the spec is, the plan is the same at each asking, is not for the past, and does
// not rely on a credential for longer than the bookkeeping or the assumption allow.
func FuzzPlan(f *testing.F) {
	f.Add(`{"Known":true,"Found":true,"Role":"R","Usable":true,"Hash":"h","Bookkeeping":{"Role":"R","Hash":"h"}}`, `{"refresh":{"assumedLifetime":"1h"}}`, int64(0), int64(time.Hour))
	f.Add(`{"Known":true,"Forbidden":true}`, `{"roles":{"a":"R"}}`, int64(-1), int64(1))
	f.Add(`{"Known":true,"Found":true,"Usable":true,"Foreign":true,"Bookkeeping":{"Hash":"broken"}}`, `{}`, int64(1<<62), int64(-1<<62))
	f.Fuzz(func(t *testing.T, observed, text string, refreshed, lifetime int64) {
		var o Observation
		spec := validSpec()
		if json.Unmarshal([]byte(observed), &o) != nil || json.Unmarshal([]byte(text), spec) != nil {
			return
		}
		o.Bookkeeping.RefreshedAt = noon.Add(-time.Duration(refreshed))
		o.Bookkeeping.ExpiresAt = o.Bookkeeping.RefreshedAt.Add(time.Duration(lifetime))
		in := anInput(map[types.NamespacedName]Observation{ref("a", "b"): o})
		in.Spec = spec
		first, again := Decide(in), Decide(in)
		a, _ := json.Marshal(first.Rows)
		b, _ := json.Marshal(again.Rows)
		if string(a) != string(b) {
			t.Fatalf("asked twice, the rows are\n%s\n%s", a, b)
		}
	})
}
