package harness

import (
	"net/http/httptest"
	"testing"
)

func TestParseAPIRequest_ReadsARequestAsTheAPIServerDoes(t *testing.T) {
	for _, tc := range []struct {
		method, url string
		// want is String of the parsed request.
		want string
		// effect is whether it counts as an effect of the operator's work.
		effect bool
	}{
		{"GET", "/api/v1/namespaces/a/secrets/b", "get secrets a/b", false},
		{"GET", "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db", "list secrets a/b", false},
		{"GET", "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db&watch=true", "watch secrets a/b", false},
		{"GET", "/api/v1/secrets", "list secrets", false},
		{"PATCH", "/api/v1/namespaces/a/secrets/b", "patch secrets a/b", true},
		{"POST", "/api/v1/namespaces/a/secrets", "create secrets in a", true},
		{"DELETE", "/api/v1/namespaces/a/secrets", "deletecollection secrets in a", true},
		{"DELETE", "/api/v1/namespaces/a/secrets/b", "delete secrets a/b", true},
		{"POST", "/apis/events.k8s.io/v1/namespaces/a/events", "create events in a", false},
		{"PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", "update leases a/b", false},
		{"PATCH", "/apis/rotation.openshift.io/v1alpha1/capcredentialsets/c/status", "patch capcredentialsets/status c", true},
		{"GET", "/apis/config.openshift.io/v1/clusterversions/version", "get clusterversions version", false},
		{"GET", "/api/v1/namespaces/a", "get namespaces a", false},
		{"GET", "/apis/rotation.openshift.io/v1alpha1", "get /apis/rotation.openshift.io/v1alpha1", false},
		{"GET", "/api", "get /api", false},
		{"POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "create subjectaccessreviews", false},
	} {
		t.Run(tc.method+" "+tc.url, func(t *testing.T) {
			r := parseAPIRequest(httptest.NewRequest(tc.method, tc.url, nil))
			if got := r.String(); got != tc.want {
				t.Errorf("read as %q, want %q", got, tc.want)
			}
			if effect := r.IsWrite() && !r.IsBookkeeping(); effect != tc.effect {
				t.Errorf("counts as an effect: %t, want %t", effect, tc.effect)
			}
		})
	}
}
