package bootstrap

// The CredentialsRequests of a release, as `oc adm release extract --credentials-requests --cloud=aws` writes them, one file each.

import (
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// readRequests reads a directory. skipped says which AWS requests are left out and why.
func readRequests(dir string, techPreview bool) (requests []cluster.CredentialsRequest, skipped []string, err error) {
	paths, err := payload.Files(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		content, err := payload.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		found, left, err := payload.Requests(content, techPreview)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		requests = append(requests, found...)
		for _, l := range left {
			skipped = append(skipped, l.String())
		}
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

// readRoles reads a role map: a YAML or JSON object from CredentialsRequest names to roles.
func readRoles(path string) (map[string]string, error) {
	content, err := payload.ReadFile(path)
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
			return nil, fmt.Errorf("%s: CredentialsRequest %s has an empty role", path, payload.Shown(name))
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
