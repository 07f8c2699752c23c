package bootstrap

// The CredentialsRequests of a release, as `oc adm release extract --credentials-requests --cloud=aws` writes them, one file each.

import (
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// readRequests reads a directory. skipped says which AWS requests are left out and why.
func readRequests(dir string, techPreview bool) (requests []cluster.CredentialsRequest, skipped []string, err error) {
	paths, err := manifestFiles(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		content, err := readLimited(path)
		if err != nil {
			return nil, nil, err
		}
		found, left, err := requestsIn(content, techPreview)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		requests, skipped = append(requests, found...), append(skipped, left...)
	}
	if len(requests) == 0 {
		return nil, nil, fmt.Errorf("%s holds no AWS CredentialsRequest: fill it with oc adm release extract --credentials-requests --cloud=aws --included --install-config=... --to=%s $RELEASE_IMAGE", dir, dir)
	}
	sort.Slice(requests, func(i, j int) bool { return requests[i].Name < requests[j].Name })
	for i := 1; i < len(requests); i++ {
		if requests[i].Name == requests[i-1].Name {
			return nil, nil, fmt.Errorf("%s holds CredentialsRequest %s twice", dir, requests[i].Name)
		}
	}
	return requests, skipped, nil
}

// requestsIn reads the documents of a file.
func requestsIn(content []byte, techPreview bool) (requests []cluster.CredentialsRequest, skipped []string, err error) {
	for _, d := range splitDocuments(content) {
		_, mapping, err := parseNode(d.text)
		if err != nil {
			return nil, nil, err
		}
		r, isRequest := parseRequest(mapping)
		if !isRequest {
			continue
		}
		why := leftOut(mapping, r, techPreview)
		switch {
		case why != "":
			skipped = append(skipped, fmt.Sprintf("CredentialsRequest %s is left out: %s", shown(r.Name), why))
		case len(validation.IsDNS1123Subdomain(r.Name)) > 0:
			return nil, nil, fmt.Errorf("CredentialsRequest %s has an invalid name", shown(r.Name))
		case r.Secret.Namespace == "" || r.Secret.Name == "":
			return nil, nil, fmt.Errorf("CredentialsRequest %s has no spec.secretRef", r.Name)
		case len(validation.IsDNS1123Label(r.Secret.Namespace))+len(validation.IsDNS1123Subdomain(r.Secret.Name)) > 0:
			// They also become file names.
			return nil, nil, fmt.Errorf("CredentialsRequest %s names a Secret with an invalid name or namespace", r.Name)
		default:
			requests = append(requests, r)
		}
	}
	return requests, skipped, nil
}

// parseRequest reads a document; ok is false for anything but a request for AWS: the payload holds those of all clouds.
func parseRequest(mapping *yaml.Node) (r cluster.CredentialsRequest, ok bool) {
	if mapping == nil || text(mapping, "kind") != "CredentialsRequest" || !strings.HasPrefix(text(mapping, "apiVersion"), "cloudcredential.openshift.io/") {
		return cluster.CredentialsRequest{}, false
	}
	return cluster.ReadCredentialsRequest(func(path ...string) string { return text(mapping, path...) })
}

// leftOut is why a request is left out; empty if it is not.
func leftOut(mapping *yaml.Node, r cluster.CredentialsRequest, techPreview bool) string {
	annotation := func(name string) string {
		return text(mapping, "metadata", "annotations", "release.openshift.io/"+name)
	}
	switch sets, gate := annotation("feature-set"), annotation("feature-gate"); {
	case annotation("delete") == "true":
		return "the release deletes it"
	case r.TimedToken:
		return "it uses its own STS token (stsIAMRoleARN), which the cloud-credential-operator writes"
	case !techPreview && sets != "" && !contains(strings.Split(sets, ","), "Default"):
		return "it belongs to the feature set " + shown(sets) + " (--tech-preview includes it)"
	case !techPreview && gate != "" && !strings.HasPrefix(gate, "-"):
		return "it belongs to the feature gate " + shown(gate) + " (--tech-preview includes it)"
	}
	return ""
}

func contains(list []string, wanted string) bool {
	for _, s := range list {
		if strings.TrimSpace(s) == wanted {
			return true
		}
	}
	return false
}

// readRoles reads a role map: a YAML or JSON object from CredentialsRequest names to roles.
func readRoles(path string) (map[string]string, error) {
	content, err := readLimited(path)
	if err != nil {
		return nil, err
	}
	return parseRoles(path, content)
}

func parseRoles(path string, content []byte) (map[string]string, error) {
	roles := map[string]string{}
	if err := yaml.Unmarshal(content, &roles); err != nil {
		return nil, fmt.Errorf("%s is not a map from CredentialsRequest names to roles, such as \"openshift-machine-api-aws: MachineAPIRole\"", path)
	}
	for name, role := range roles {
		if roles[name] = strings.TrimSpace(role); roles[name] == "" {
			return nil, fmt.Errorf("%s: CredentialsRequest %s has an empty role", path, shown(name))
		}
	}
	return roles, nil
}

// assignRoles gives each request its role by name, or the default role. unknown are the names in the map that match no request: an add-on that
// comes later, or a typo.
func assignRoles(requests []cluster.CredentialsRequest, roles map[string]string, defaultRole string) (assigned map[string]string, unknown []string, err error) {
	assigned = map[string]string{}
	secrets := map[types.NamespacedName]cluster.CredentialsRequest{}
	var missing []string
	for _, r := range requests {
		role := roles[r.Name]
		if role == "" {
			role = defaultRole
		}
		if role == "" {
			missing = append(missing, r.Name)
			continue
		}
		assigned[r.Name] = role
		if other, shared := secrets[r.Secret]; shared && assigned[other.Name] != role {
			return nil, nil, fmt.Errorf("CredentialsRequests %s and %s want different roles in the same Secret %s", other.Name, r.Name, r.Secret)
		}
		secrets[r.Secret] = r
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("no role for CredentialsRequest %s: add it to --roles, or set --default-role", strings.Join(missing, ", "))
	}
	for name := range roles {
		if assigned[name] == "" {
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	return assigned, unknown, nil
}
