package harness

import (
	"net/http"
	"strings"
)

// APIRequest is a request as the API server interprets it.
type APIRequest struct {
	// Verb is that of RBAC: get, list, watch, create, update, patch, delete or deletecollection. For other requests
	// (discovery, healthz) it is the HTTP method in lower case, and Resource is empty.
	Verb string
	// Group is empty for the core group.
	Group, Resource, Subresource string
	Namespace, Name              string
	// Path is without query.
	Path string
}

// String is such as "patch secrets openshift-machine-api/aws-cloud-credentials".
func (r APIRequest) String() string {
	if r.Resource == "" {
		return r.Verb + " " + r.Path
	}
	s := r.Verb + " " + r.Resource
	if r.Subresource != "" {
		s += "/" + r.Subresource
	}
	switch {
	case r.Namespace != "" && r.Name != "":
		return s + " " + r.Namespace + "/" + r.Name
	case r.Namespace != "":
		return s + " in " + r.Namespace
	case r.Name != "":
		return s + " " + r.Name
	}
	return s
}

// IsWrite is true for a request that may change something.
func (r APIRequest) IsWrite() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// IsBookkeeping is true for writes that are not effects of the operator's work: its Lease, its events, token reviews and
// access reviews.
func (r APIRequest) IsBookkeeping() bool {
	switch r.Resource {
	case "leases", "events", "tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews":
		return true
	}
	return false
}

// parseAPIRequest reads the path and the query as the API server does.
// Source: k8s.io/apiserver/pkg/endpoints/request, RequestInfo.
func parseAPIRequest(req *http.Request) APIRequest {
	r := APIRequest{Verb: strings.ToLower(req.Method), Path: req.URL.Path}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		r.Group, parts = parts[1], parts[3:]
	default:
		return r
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		r.Namespace, parts = parts[1], parts[2:]
	}
	r.Resource = parts[0]
	if len(parts) > 1 {
		r.Name = parts[1]
	}
	if len(parts) > 2 {
		r.Subresource = strings.Join(parts[2:], "/")
	}
	query := req.URL.Query()
	if name, ok := strings.CutPrefix(query.Get("fieldSelector"), "metadata.name="); ok && r.Name == "" {
		r.Name = name
	}
	r.Verb = verb(req.Method, r.Name != "" && len(parts) > 1, query.Get("watch"))
	return r
}

func verb(method string, single bool, watch string) string {
	switch method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if single {
			return "delete"
		}
		return "deletecollection"
	}
	switch {
	case watch == "1" || watch == "true":
		return "watch"
	case single:
		return "get"
	}
	return "list"
}
