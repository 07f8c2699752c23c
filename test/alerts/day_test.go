package alerts

import (
	"fmt"
	"math"
	"strings"
)

// The day of the dashboard: a rotation is requested at 03:00, its credentials come at 05:00 and reach the machines, somebody restores the old ones
// in one target at 14:00, and CAP refuses everything from 10:00 to 10:35.
const (
	dayLength = 24 * 60 // minutes; one sample a minute
	requested = 3 * 60
	issued    = 5 * 60
	applied   = issued + 15
	restored  = 14 * 60
	outage    = 10 * 60
	recovered = outage + 35
	lifetime  = 60
	rhythm    = 30
)

// at is a value at each minute of the day; NaN is no sample.
type at func(minute int) float64

func when(begin, end int, value float64) at {
	return func(m int) float64 {
		if m < begin || m >= end {
			return math.NaN()
		}
		return value
	}
}

func always(value float64) at { return when(0, dayLength+1, value) }

// counts begins with the first event and grows at each of them.
func counts(happens func(minute int) float64) at {
	total := make([]float64, dayLength+1)
	sum := 0.0
	for m := range total {
		sum += happens(m)
		total[m] = sum
	}
	return func(m int) float64 {
		if total[m] == 0 {
			return math.NaN()
		}
		return total[m]
	}
}

// series is one series in the notation of promqltest.
func series(out *strings.Builder, name string, value at) {
	out.WriteString(name)
	for m := range dayLength + 1 {
		if v := value(m); math.IsNaN(v) {
			out.WriteString(" _")
		} else {
			fmt.Fprintf(out, " %g", v)
		}
	}
	out.WriteString("\n")
}

// refreshed is the minute of the last refresh of the n-th role: every half hour, but not while CAP refuses.
func refreshed(n, m int) int {
	last := m - (m+rhythm-3*n)%rhythm
	if last >= outage && last < recovered {
		if m < recovered {
			return outage - (outage+rhythm-3*n)%rhythm
		}
		return recovered
	}
	return last
}

// daySecrets are the Secrets of the set, by the role that serves them.
var daySecrets = map[string][][2]string{
	"openshift-machine-api-aws":        {{"openshift-machine-api", "aws-cloud-credentials"}},
	"openshift-ingress":                {{"openshift-ingress-operator", "cloud-credentials"}},
	"openshift-image-registry":         {{"openshift-image-registry", "installer-cloud-credentials"}},
	"aws-ebs-csi-driver-operator":      {{"openshift-cluster-csi-drivers", "ebs-cloud-credentials"}},
	"openshift-cloud-network-config":   {{"openshift-cloud-network-config-controller", "cloud-credentials"}},
	"cloud-credential-operator-iam-ro": {{"openshift-cloud-credential-operator", "cloud-credential-operator-iam-ro-creds"}},
}

// seriesOfTheDay is all of them.
func seriesOfTheDay() string {
	var out strings.Builder
	dayOfPullSecret(&out)
	dayOfSet(&out)
	dayOfOperator(&out)
	return out.String()
}

func dayOfPullSecret(out *strings.Builder) {
	const rotation = `rotation="quarterly"`
	status := func(state, reason string, begin, end int) {
		series(out, fmt.Sprintf(`credential_rotation_pull_secret_status{%s,state=%q,reason=%q}`, rotation, state, reason), when(begin, end, 1))
	}
	status("Ready", "NotDue", 0, requested)
	status("Progressing", "AwaitingIssue", requested, issued)
	status("Progressing", "RollingOut", issued, applied+30)
	status("Progressing", "AwaitingRevocation", applied+30, dayLength+1)
	series(out, `credential_rotation_pull_secret_valid{`+rotation+`}`, always(1))
	series(out, `credential_rotation_pull_secret_old_credentials_revoked{`+rotation+`}`, when(0, requested, 1))
	series(out, `credential_rotation_pull_secret_machines_can_pull{`+rotation+`}`, when(applied+35, dayLength+1, 1))
	series(out, `credential_rotation_pull_secret_issued_timestamp_seconds{`+rotation+`}`, func(m int) float64 {
		if m < applied {
			return -90 * 86400
		}
		return requested * 60
	})
	series(out, `credential_rotation_pull_secret_next_rotation_timestamp_seconds{`+rotation+`}`, when(0, dayLength+1, 92*86400))
	series(out, `credential_rotation_pull_secret_waiting_since_timestamp_seconds{`+rotation+`}`, func(m int) float64 {
		switch {
		case m < requested:
			return math.NaN()
		case m < applied:
			return requested * 60
		}
		return applied * 60
	})
	series(out, `credential_rotation_pull_secret_lagging_clusters{`+rotation+`}`, func(m int) float64 {
		switch {
		case m < applied:
			return math.NaN()
		case m < applied+6*60:
			return 12 // their telemetry has not reported yet
		}
		return 2
	})
	series(out, `credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds{`+rotation+`}`, when(applied, dayLength+1, requested*60+5*86400))
	series(out, `credential_rotation_pull_secret_heals_total{`+rotation+`,exported_namespace="hive",name="pull-secret"}`, func(m int) float64 {
		if m < restored {
			return 0
		}
		return 1
	})
	ocm := func(method, path, status string, happens func(int) float64) {
		series(out, fmt.Sprintf(`credential_rotation_ocm_requests_total{method=%q,path=%q,status=%q}`, method, path, status), counts(happens))
	}
	every := func(begin, end, minutes int) func(int) float64 {
		return func(m int) float64 {
			if m >= begin && m < end && (m-begin)%minutes == 0 {
				return 1
			}
			return 0
		}
	}
	ocm("GET", "/api/accounts_mgmt/v1/current_account", "200", every(1, dayLength, 360))
	ocm("POST", "/api/accounts_mgmt/v1/accounts/{id}/pull_secret_rotation", "201", every(requested, requested+1, 1))
	ocm("POST", "/api/accounts_mgmt/v1/access_token", "200", every(requested, issued+1, 20))
	ocm("GET", "/api/accounts_mgmt/v1/accounts/{id}/pull_secret_rotation", "200", every(requested, dayLength, 20))
	ocm("GET", "/api/accounts_mgmt/v1/accounts/{id}/pull_secret_rotation", "429", every(18*60, 18*60+5, 1))
}

func dayOfSet(out *strings.Builder) {
	const set = `set="cap"`
	roles := 0
	for n, role := range sortedKeys(daySecrets) {
		roles++
		for _, s := range daySecrets[role] {
			labels := fmt.Sprintf(`{%s,exported_namespace=%q,name=%q}`, set, s[0], s[1])
			series(out, `credential_rotation_secret_refreshed_timestamp_seconds`+labels, func(m int) float64 { return float64(refreshed(n, m) * 60) })
			series(out, `credential_rotation_secret_expiry_timestamp_seconds`+labels, func(m int) float64 { return float64((refreshed(n, m) + lifetime) * 60) })
		}
		series(out, fmt.Sprintf(`credential_rotation_cap_requests_total{%s,role=%q}`, set, role), counts(func(m int) float64 {
			if m > 0 && refreshed(n, m) == m || n == 0 && m >= outage && m < recovered && m%5 == 0 {
				return 1
			}
			return 0
		}))
		if n == 0 { // it asks for all while CAP does not work
			series(out, fmt.Sprintf(`credential_rotation_refresh_failures_total{%s,role=%q,reason="CAPUnavailable"}`, set, role), counts(func(m int) float64 {
				if m >= outage && m < recovered && m%5 == 0 {
					return 1
				}
				return 0
			}))
		}
	}
	late := func(m int) (n float64) {
		for i := range roles {
			if m-refreshed(i, m) >= rhythm {
				n++
			}
		}
		return n
	}
	series(out, `credential_rotation_secrets{`+set+`,reason="Fresh"}`, func(m int) float64 { return float64(roles) - late(m) })
	series(out, `credential_rotation_secrets{`+set+`,reason="CAPUnavailable"}`, func(m int) float64 {
		if late(m) == 0 {
			return math.NaN()
		}
		return late(m)
	})
	series(out, `credential_rotation_set_ready{`+set+`,reason="Refreshed"}`, func(m int) float64 {
		if late(m) > 0 {
			return math.NaN()
		}
		return 1
	})
	series(out, `credential_rotation_set_ready{`+set+`,reason="CAPUnavailable"}`, func(m int) float64 {
		if late(m) == 0 {
			return math.NaN()
		}
		return 0
	})
	series(out, `credential_rotation_secrets_without_expiry{`+set+`}`, always(0))
	series(out, `credential_rotation_secret_writes_total{`+set+`}`, counts(func(m int) (n float64) {
		for i := range roles {
			if m > 0 && refreshed(i, m) == m {
				n++
			}
		}
		return n
	}))
	series(out, `credential_rotation_client_certificate_expiry_timestamp_seconds{`+set+`}`, always(40*86400))
}

func dayOfOperator(out *strings.Builder) {
	for _, pod := range []string{"a", "b"} {
		series(out, fmt.Sprintf(`up{namespace="openshift-credential-rotation-operator",job="credential-rotation-operator-metrics",pod=%q}`, pod), always(1))
		series(out, fmt.Sprintf(`credential_rotation_build_info{version="0.1.0",pod=%q}`, pod), always(1))
	}
	for _, controller := range []string{"pullsecretrotation", "capcredentialset"} {
		series(out, fmt.Sprintf(`controller_runtime_reconcile_errors_total{controller=%q}`, controller), func(m int) float64 {
			if controller == "capcredentialset" && m >= 20*60 {
				return 1
			}
			return 0
		})
		for le, share := range map[string]float64{"0.1": 0.7, "0.5": 0.95, "1": 1, "+Inf": 1} {
			series(out, fmt.Sprintf(`controller_runtime_reconcile_time_seconds_bucket{controller=%q,le=%q}`, controller, le), func(m int) float64 { return share * float64(m) })
		}
	}
}
