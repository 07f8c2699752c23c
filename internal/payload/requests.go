package payload

// The CredentialsRequests of a release, as `oc adm release extract --credentials-requests --cloud=aws` writes them.

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// LeftOut is an AWS request of a release that need not be served.
type LeftOut struct {
	Namespace, Name string
	// Why it is left out, as the end of a sentence.
	Why string
	// Deleted is true if the release deletes the request.
	Deleted bool
}

// String is a sentence.
func (l LeftOut) String() string {
	return fmt.Sprintf("CredentialsRequest %s is left out: %s", Shown(l.Name), l.Why)
}

// Requests reads the AWS requests in a file. Those of feature sets that are not Default are left out without techPreview.
func Requests(content []byte, techPreview bool) (requests []cluster.CredentialsRequest, left []LeftOut, err error) {
	for _, d := range Split(content) {
		_, mapping, err := Parse(d.Text)
		if err != nil {
			return nil, nil, err
		}
		r, isRequest := parseRequest(mapping)
		if !isRequest {
			continue
		}
		if why, deleted := leftOut(mapping, r, techPreview); why != "" {
			left = append(left, LeftOut{r.Namespace, r.Name, why, deleted})
			continue
		}
		if err := invalid(r); err != nil {
			return nil, nil, err
		}
		requests = append(requests, r)
	}
	return requests, left, nil
}

// invalid says what is wrong with the names in a request. They also become file names.
func invalid(r cluster.CredentialsRequest) error {
	switch {
	case len(validation.IsDNS1123Subdomain(r.Name)) > 0:
		return fmt.Errorf("CredentialsRequest %s has an invalid name", Shown(r.Name))
	case r.Secret.Namespace == "" || r.Secret.Name == "":
		return fmt.Errorf("CredentialsRequest %s has no spec.secretRef", r.Name)
	case len(validation.IsDNS1123Label(r.Secret.Namespace))+len(validation.IsDNS1123Subdomain(r.Secret.Name)) > 0:
		return fmt.Errorf("CredentialsRequest %s names a Secret with an invalid name or namespace", r.Name)
	}
	return nil
}

// parseRequest reads a document; ok is false for anything but a request for AWS: the payload holds those of all clouds.
func parseRequest(mapping *yaml.Node) (r cluster.CredentialsRequest, ok bool) {
	if mapping == nil || Text(mapping, "kind") != "CredentialsRequest" || !strings.HasPrefix(Text(mapping, "apiVersion"), "cloudcredential.openshift.io/") {
		return cluster.CredentialsRequest{}, false
	}
	r, ok = cluster.ReadCredentialsRequest(func(path ...string) string { return Text(mapping, path...) })
	r.Labels = labelsOf(mapping)
	return r, ok
}

func labelsOf(mapping *yaml.Node) labels.Set {
	set := labels.Set{}
	if node := Get(mapping, "metadata", "labels"); node != nil && node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			set[node.Content[i].Value] = node.Content[i+1].Value
		}
	}
	return set
}

// leftOut is why a request is left out; empty if it is not.
func leftOut(mapping *yaml.Node, r cluster.CredentialsRequest, techPreview bool) (why string, deleted bool) {
	annotation := func(name string) string {
		return Text(mapping, "metadata", "annotations", "release.openshift.io/"+name)
	}
	switch sets, gate := annotation("feature-set"), annotation("feature-gate"); {
	case annotation("delete") == "true":
		return "the release deletes it", true
	case r.TimedToken:
		return "it uses its own STS token (stsIAMRoleARN), which the cloud-credential-operator writes", false
	case !techPreview && sets != "" && !inList(sets, "Default"):
		return "it belongs to the feature set " + Shown(sets) + " (--tech-preview includes it)", false
	case !techPreview && gate != "" && !strings.HasPrefix(gate, "-"):
		return "it belongs to the feature gate " + Shown(gate) + " (--tech-preview includes it)", false
	}
	return "", false
}

func inList(list, wanted string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == wanted })
}

// Release are the requests in several files; a duplicate request is an error.
type Release struct {
	Requests []cluster.CredentialsRequest
	LeftOut  []LeftOut
}

// Add reads one file of the release.
func (r *Release) Add(content []byte, techPreview bool) error {
	requests, left, err := Requests(content, techPreview)
	if err != nil {
		return err
	}
	for _, n := range requests {
		if slices.ContainsFunc(r.Requests, func(o cluster.CredentialsRequest) bool { return o.String() == n.String() }) {
			return fmt.Errorf("CredentialsRequest %s is there twice", n.Name)
		}
		r.Requests = append(r.Requests, n)
	}
	r.LeftOut = append(r.LeftOut, left...)
	return nil
}
