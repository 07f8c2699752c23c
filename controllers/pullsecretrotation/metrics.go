package pullsecretrotation

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// ocmRequests counts what OCM is asked; its paths are templates, never ids.
var ocmRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "credential_rotation_ocm_requests_total",
	Help: "HTTP requests to OpenShift Cluster Manager and its SSO, by method, path template and status (0: no answer).",
}, []string{"method", "path", "status"})

func init() { metrics.Registry.MustRegister(ocmRequests) }

func observeOCM(method, path string, status int) {
	ocmRequests.WithLabelValues(method, path, strconv.Itoa(status)).Inc()
}
