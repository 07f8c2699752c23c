package bootstrap

// The Secrets among the manifests that wait for a credential: those of install-manifests, and those of cap-token-refresh,
// whose manifests hold the role as a key of the Secret.

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

const (
	// roleAnnotation is v1alpha1.RoleAnnotation.
	roleAnnotation = "rotation.openshift.io/role"
	// roleKey is the data key in which cap-token-refresh keeps the role.
	roleKey = "role"
)

// manifest is a file with Secrets to fill.
type manifest struct {
	path    string
	docs    []document
	secrets []*secretManifest
}

// secretManifest is one Secret to fill.
type secretManifest struct {
	Namespace, Name string
	// Role that the manifest itself names, or empty.
	Role string

	index int // among the documents of its file
}

// String is the usual namespace/name.
func (s *secretManifest) String() string { return shown(s.Namespace + "/" + s.Name) }

// findSecrets reads the files of a directory and keeps those with Secrets that wait for a credential.
func findSecrets(dir string) ([]manifest, error) {
	paths, err := manifestFiles(dir)
	if err != nil {
		return nil, err
	}
	var found []manifest
	for _, path := range paths {
		content, err := readLimited(path)
		if err != nil {
			return nil, err
		}
		m, err := parseManifest(path, content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(m.secrets) > 0 {
			found = append(found, m)
		}
	}
	return found, nil
}

// parseManifest finds the Secrets of a file that wait for a credential.
func parseManifest(path string, content []byte) (manifest, error) {
	m := manifest{path: path, docs: splitDocuments(content)}
	for i, d := range m.docs {
		_, mapping, err := parseNode(d.text)
		if err != nil {
			return manifest{}, err
		}
		if s := waitingSecret(mapping); s != nil {
			s.index = i
			m.secrets = append(m.secrets, s)
		}
	}
	return m, nil
}

// waitingSecret is the Secret in a document that holds AWS credentials or names the role for which it is to hold them, else nil.
// The installer's own kube-system/aws-creds is not one: it holds what the installer was started with.
func waitingSecret(mapping *yaml.Node) *secretManifest {
	if mapping == nil || text(mapping, "kind") != "Secret" || text(mapping, "apiVersion") != "v1" {
		return nil
	}
	s := &secretManifest{Namespace: text(mapping, "metadata", "namespace"), Name: text(mapping, "metadata", "name")}
	if s.Namespace == "kube-system" && s.Name == "aws-creds" {
		return nil
	}
	s.Role = strings.TrimSpace(text(mapping, "metadata", "annotations", roleAnnotation))
	if s.Role == "" {
		s.Role = strings.TrimSpace(text(mapping, "stringData", roleKey)) // a block of YAML ends with a line end
	}
	if encoded := text(mapping, "data", roleKey); s.Role == "" && encoded != "" {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			s.Role = strings.TrimSpace(string(decoded))
		}
	}
	if s.Role != "" {
		return s
	}
	for _, field := range []string{"stringData", "data"} {
		for _, key := range []string{awscreds.KeyAccessKeyID, awscreds.KeySecretAccessKey} {
			if get(mapping, field, key) != nil {
				return s
			}
		}
	}
	return nil
}

// fill is the file with the credential of each of its Secrets, by role chosen by the caller. What is not such a Secret stays byte
// for byte, and so do the comments of those that are.
func (m manifest) fill(credential func(*secretManifest) awscreds.Credential) (change, error) {
	docs := append([]document(nil), m.docs...)
	for _, s := range m.secrets {
		filled, err := fillDocument(docs[s.index].text, credential(s))
		if err != nil {
			return change{}, fmt.Errorf("%s: %w", m.path, err)
		}
		docs[s.index].text = filled
	}
	return change{path: m.path, content: joinDocuments(docs), mode: secretMode}, nil
}

// errAlias: what is written into an anchored mapping would appear wherever its alias stands, which may be a label.
var errAlias = errors.New("a Secret to fill uses a YAML alias (*name): write out what it stands for")

func hasAlias(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || slices.ContainsFunc(node.Content, hasAlias)
}

// fillDocument writes the credential into a Secret's stringData, and takes the same keys out of its data.
func fillDocument(content string, c awscreds.Credential) (string, error) {
	wanted := awscreds.Render(c)
	if wanted == nil {
		return "", c.Validate()
	}
	doc, mapping, err := parseNode(content)
	if err != nil {
		return "", err
	}
	if hasAlias(doc) {
		return "", errAlias
	}
	stringData := get(mapping, "stringData")
	if stringData == nil || stringData.Kind != yaml.MappingNode {
		stringData = &yaml.Node{Kind: yaml.MappingNode, Style: mapping.Style}
		set(mapping, "stringData", stringData)
	}
	data := get(mapping, "data")
	for _, key := range awscreds.Keys() {
		if data != nil {
			remove(data, key)
		}
		if value, ok := wanted[key]; ok {
			set(stringData, key, scalar(stringData, string(value)))
		} else {
			remove(stringData, key)
		}
	}
	if data != nil && len(data.Content) == 0 {
		remove(mapping, "data")
	}
	return render(doc)
}
