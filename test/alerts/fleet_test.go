package alerts

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

// Each rule of config/fleet gives at most one row per cluster, without a label that would split it.
func TestFleet_EachRecordIsOneRowPerCluster(t *testing.T) {
	raw, err := os.ReadFile("../../config/fleet/recording-rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Record, Expr string }
			}
		}
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	// Two objects, one of them Ready, and two leaders of the operator during a handover.
	const busy = `credential_rotation_pull_secret_status{pod="a",rotation="x",state="Ready",reason="NotDue"} 1x10
credential_rotation_pull_secret_status{pod="b",rotation="x",state="Ready",reason="NotDue"} 1x10
credential_rotation_pull_secret_status{pod="b",rotation="y",state="Stalled",reason="Forbidden"} 1x10
credential_rotation_pull_secret_valid{pod="a",rotation="x"} 1x10
credential_rotation_pull_secret_valid{pod="b",rotation="y"} 0x10
credential_rotation_pull_secret_issued_timestamp_seconds{pod="a",rotation="x"} 100x10
credential_rotation_pull_secret_issued_timestamp_seconds{pod="b",rotation="y"} 200x10
credential_rotation_secret_expiry_timestamp_seconds{pod="a",set="s",exported_namespace="n",name="m"} 900x10
credential_rotation_pull_secret_lagging_clusters{pod="a",rotation="x"} 3x10
credential_rotation_pull_secret_lagging_clusters{pod="b",rotation="x"} 2x10
credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{pod="a",rotation="x"} 200x10
`
	for what, tc := range map[string]struct {
		series string
		want   map[string]float64
	}{
		"a busy cluster": {busy, map[string]float64{
			"cluster:credential_rotation_pull_secrets:count": 2, "cluster:credential_rotation_pull_secrets_ready:count": 1,
			"cluster:credential_rotation_pull_secrets_stalled:count": 1, "cluster:credential_rotation_pull_secret_valid:min": 0,
			"cluster:credential_rotation_pull_secret_age_seconds:max": 200, "cluster:credential_rotation_secrets_expire_seconds:min": 600,
			"cluster:credential_rotation_pull_secret_lagging_clusters:max":                     3,
			"cluster:credential_rotation_pull_secret_lagging_clusters_lose_access_seconds:min": -100,
		}},
		"nothing is Ready": {`credential_rotation_pull_secret_status{rotation="x",state="Progressing",reason="AwaitingIssue"} 1x10
`, map[string]float64{
			"cluster:credential_rotation_pull_secrets:count": 1, "cluster:credential_rotation_pull_secrets_ready:count": 0, "cluster:credential_rotation_pull_secrets_stalled:count": 0,
		}},
		"no objects": {"up 1x10\n", map[string]float64{}},
	} {
		storage := promqltest.LoadedStorage(t, "load 1m\n"+tc.series)
		t.Cleanup(func() { _ = storage.Close() })
		query := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 5*time.Minute, 100_000), storage)
		for _, g := range file.Spec.Groups {
			for _, r := range g.Rules {
				rows, err := query(t.Context(), r.Expr, time.Unix(300, 0))
				if err != nil {
					t.Fatalf("%s: %v", r.Record, err)
				}
				want, recorded := tc.want[r.Record]
				if recorded != (len(rows) == 1) || len(rows) > 1 || recorded && (rows[0].F != want || rows[0].Metric.Len() != 0) {
					t.Errorf("%s: %s is %v, want %v (%t)", what, r.Record, rows, want, recorded)
				}
			}
		}
	}
}
