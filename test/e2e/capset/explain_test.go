package capset

// What a person on call sees.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// describedVariable names a directory to write the descriptions to, for reading.
const describedVariable = "DESCRIBED_DIR"

// describe is what `oc describe` shows. No line may be too long.
func (w *world) describe(name string) string {
	w.t.Helper()
	out := w.execute("oc describe capset " + setName)
	if dir := os.Getenv(describedVariable); dir != "" {
		must(w.t, os.WriteFile(filepath.Join(dir, name+".txt"), []byte(w.execute("oc get capset")+"\n"+out), 0o600))
	}
	return out
}

// waitFor is `oc wait`, which scripts use.
func (w *world) waitFor(condition string) {
	w.t.Helper()
	w.execute("oc wait --timeout=60s --for=condition=" + condition + " capset/" + setName)
}

func TestExplain_TheTableShowsHowManyAreFreshAndUntilWhen(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.waitFor("Ready")
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	lines := strings.Split(strings.TrimSpace(w.execute("oc get capset")), "\n")
	if want := []string{"NAME", "READY", "FRESH", "EXPIRED", "STATUS", "NEXT", "EXPIRES", "AGE"}; len(lines) != 2 || !slices.Equal(strings.Fields(lines[0]), want) {
		t.Fatalf("the table is\n%s", strings.Join(lines, "\n"))
	}
	row := strings.Fields(lines[1])
	want := []string{setName, "True", "7/7", v1alpha1.ReasonFresh, set.Status.NextRefresh.UTC().Format(time.RFC3339), set.Status.EarliestExpiry.UTC().Format(time.RFC3339)}
	if !slices.Equal(row[:6], want) || !regexp.MustCompile(`^\d+[smh]$`).MatchString(row[6]) {
		t.Errorf("the table has %q, want %q and an age", row, want)
	}
	described := w.describe("fresh")
	for _, r := range harness.PayloadRequests() {
		got := rowOf(set, r.SecretNamespace, r.SecretName)
		if got.CredentialsRequest != "openshift-cloud-credential-operator/"+r.Name || got.Role != roleOf(r.Name) || got.Result != v1alpha1.ReasonFresh ||
			got.ExpiresAt == nil || got.RefreshedAt == nil || got.NextRefresh == nil || !got.NextRefresh.Time.Before(got.ExpiresAt.Time) {
			t.Errorf("the row of %s is %+v", r.Name, got)
		}
		if err := missing(described, r.SecretNamespace, r.SecretName); err != nil {
			t.Error(err)
		}
	}
	if err := missing(described, "All 7 credentials are fresh.", "CertificateValid", "NoSecondWriter", "Refreshed"); err != nil {
		t.Error(err)
	}
	w.eventuallyEvent(v1alpha1.ReasonRefreshed, "Normal", machineRole, machineNamespace+"/"+machineSecret, set.Status.EarliestExpiry.UTC().Format("2006-01-02T15:"))
	w.eventuallyEvent(v1alpha1.ReasonRefreshed, "Normal", platformRole, "openshift-ingress-operator/cloud-credentials")
}

func TestExplain_AFailureNamesItsSecretsAndWhatToDo(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	expires := rowOf(w.eventuallyReady(v1alpha1.ReasonFresh, "7/7"), machineNamespace, machineSecret).ExpiresAt
	must(t, w.cap.Break(cap.Fault{Kind: cap.FaultHTML, Role: machineRole}))
	w.requestRefresh()
	w.waitFor("Stalled")
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "4/7")
	w.eventuallyCondition(v1alpha1.ConditionReady, v1alpha1.ReasonRefreshFailing,
		"4 of 7 credentials are fresh.", v1alpha1.ReasonAuthenticationRefused, machineNamespace+"/"+machineSecret,
		"; the current credential expires at "+expires.UTC().Format(time.RFC3339), "Check that the client certificate is registered")
	w.eventuallyEvent(v1alpha1.ReasonAuthenticationRefused, "Warning", machineNamespace+"/"+machineSecret)
	set, err := w.read(t.Context())
	must(t, err)
	for i, row := range set.Status.Targets {
		if failing := row.Result != v1alpha1.ReasonFresh; failing != (i < 3) {
			t.Errorf("row %d is %s, want the failing ones first", i, row.Result)
		}
		if row.ExpiresAt == nil {
			t.Errorf("the row of %s does not show the expiry of the current credential", row.Name)
		}
	}
	w.describe("failing")
	w.cap.Heal()
	w.certificate("renewed")
	w.waitFor("Ready")
	w.eventuallyRefreshed(w.requestRefresh())
}

func TestExplain_MetricsHaveExpiryAgeFailuresRequestsAndWrites(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	row := rowOf(set, machineNamespace, machineSecret)
	secret := []string{`set="aws"`, `namespace="` + machineNamespace + `"`, `name="` + machineSecret + `"`}
	w.eventuallyMetric(float64(row.ExpiresAt.Unix()), "credential_rotation_secret_expiry_timestamp_seconds", secret...)
	w.eventuallyMetric(float64(row.RefreshedAt.Unix()), "credential_rotation_secret_refreshed_timestamp_seconds", secret...)
	w.eventuallyMetric(1, "credential_rotation_cap_requests_total", `set="aws"`, `role="`+machineRole+`"`)
	w.eventuallyMetric(7, "credential_rotation_secret_writes_total", `set="aws"`)
	w.eventuallyMetric(7, "credential_rotation_secrets", `set="aws"`, `reason="Fresh"`)

	must(t, w.cap.Break(cap.Fault{Kind: cap.FaultForbidden, Role: machineRole}))
	w.requestRefresh()
	w.eventuallyMetric(1, "credential_rotation_refresh_failures_total", `set="aws"`, `role="`+machineRole+`"`, `reason="RoleRefused"`)
	w.eventuallyMetric(3, "credential_rotation_secrets", `set="aws"`, `reason="RoleRefused"`)
	w.eventuallyMetric(4, "credential_rotation_secrets", `set="aws"`, `reason="Fresh"`)

	w.execute("oc delete capset " + setName)
	w.eventually("the metrics of the deleted set are gone", func(ctx context.Context) error {
		text, err := w.operator.Metrics(ctx)
		if err == nil && strings.Contains(text, `set="aws"`) {
			err = errors.New("some are left")
		}
		return err
	})
	if !w.has(machineNamespace, machineSecret) {
		t.Error("the Secrets were deleted with the set, although their users still run")
	}
}

// More Secrets than fit into a status: the failing ones are listed regardless of their names, the rest is counted.
func TestExplain_WithManySecretsTheFailingOnesAreListedFirst(t *testing.T) {
	const namespace, many = "many", 230
	w := newCAPWorld(t, time.Hour)
	names := make([]string, 0, many)
	targets := make([]v1alpha1.SecretRole, 0, many)
	for i := range many {
		name, role := fmt.Sprintf("secret-%03d", i), platformRole
		if i >= many-3 { // the last by name
			role = machineRole
		}
		names = append(names, name)
		targets = append(targets, ownSecretRef(namespace, name, role))
	}
	w.grant(namespace, names...)
	must(t, w.cap.Break(cap.Fault{Kind: cap.FaultForbidden, Role: machineRole}))
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
		s.Spec.Secrets = targets
	})
	set := w.eventuallyReady(v1alpha1.ReasonRefreshFailing, fmt.Sprintf("%d/%d", many-3, many))
	if listed, rest := len(set.Status.Targets), int(set.Status.TargetsNotListed); listed != 50 || listed+rest != many {
		t.Errorf("%d rows and %d more", listed, rest)
	}
	for i, row := range set.Status.Targets {
		if failing := row.Result == v1alpha1.ReasonRoleRefused; failing != (i < 3) || failing && !slices.Contains(names[many-3:], row.Name) {
			t.Errorf("row %d is %s %s", i, row.Name, row.Result)
		}
	}
	w.eventuallyCondition(v1alpha1.ConditionReady, v1alpha1.ReasonRefreshFailing, "227 of 230 credentials are fresh.", namespace+"/secret-227")
	w.describe("many")
}
