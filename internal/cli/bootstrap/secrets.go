package bootstrap

// The Secrets among the manifests that need a credential: those of install-manifests, and those of cap-token-refresh, whose manifests hold the
// role as a key of the Secret.

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

const (
	// roleAnnotation is v1alpha1.RoleAnnotation.
	roleAnnotation = "rotation.openshift.io/role"
	// roleKey is the data key with the role in cap-token-refresh's Secrets.
	roleKey = "role"
)

// manifest is a file with Secrets to fill.
type manifest struct {
	path    string
	docs    []payload.Document
	secrets []*secretManifest
}

// secretManifest is one Secret to fill.
type secretManifest struct {
	Namespace, Name string
	// Role that the manifest names, or empty.
	Role string

	index int // index of the document in its file
}

// String is the usual namespace/name.
func (s *secretManifest) String() string { return payload.Shown(s.Namespace + "/" + s.Name) }

// findSecrets reads the files of a directory and returns those with Secrets that need a credential.
func findSecrets(dir string) ([]manifest, error) {
	paths, err := payload.Files(dir)
	if err != nil {
		return nil, err
	}
	var found []manifest
	for _, path := range paths {
		content, err := payload.ReadFile(path)
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

// parseManifest finds the Secrets of a file that need a credential.
func parseManifest(path string, content []byte) (manifest, error) {
	m := manifest{path: path, docs: payload.Split(content)}
	for i, d := range m.docs {
		_, mapping, err := payload.Parse(d.Text)
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

// waitingSecret returns the Secret in a document if it holds AWS credentials or names the role for them, else nil. It excludes the installer's
// own kube-system/aws-creds, which holds the installer's own credential.
func waitingSecret(mapping *yaml.Node) *secretManifest {
	if mapping == nil || payload.Text(mapping, "kind") != "Secret" || payload.Text(mapping, "apiVersion") != "v1" {
		return nil
	}
	s := &secretManifest{Namespace: payload.Text(mapping, "metadata", "namespace"), Name: payload.Text(mapping, "metadata", "name")}
	if s.Namespace == "kube-system" && s.Name == "aws-creds" {
		return nil
	}
	s.Role = strings.TrimSpace(payload.Text(mapping, "metadata", "annotations", roleAnnotation))
	if s.Role == "" {
		s.Role = strings.TrimSpace(payload.Text(mapping, "stringData", roleKey)) // a YAML block ends with a newline
	}
	if encoded := payload.Text(mapping, "data", roleKey); s.Role == "" && encoded != "" {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			s.Role = strings.TrimSpace(string(decoded))
		}
	}
	if s.Role != "" {
		return s
	}
	for _, field := range []string{"stringData", "data"} {
		for _, key := range []string{awscreds.KeyAccessKeyID, awscreds.KeySecretAccessKey} {
			if payload.Get(mapping, field, key) != nil {
				return s
			}
		}
	}
	return nil
}

// fill returns the file with a credential in each of its Secrets, which the caller chooses by role. Everything else stays byte for byte, as do
// the comments of these Secrets.
func (m manifest) fill(credential func(*secretManifest) awscreds.Credential) (change, error) {
	docs := append([]payload.Document(nil), m.docs...)
	for _, s := range m.secrets {
		filled, err := fillDocument(docs[s.index].Text, credential(s))
		if err != nil {
			return change{}, fmt.Errorf("%s: %w", m.path, err)
		}
		docs[s.index].Text = filled
	}
	return change{path: m.path, content: payload.Join(docs), mode: secretMode}, nil
}

// errAlias: whatever is written to an anchored mapping also appears at its aliases, which may be labels.
var errAlias = errors.New("a Secret to fill uses a YAML alias (*name): replace it by its content")

func hasAlias(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || slices.ContainsFunc(node.Content, hasAlias)
}

// errKeys: of two keys with one name it is unknown which one a program reads.
var errKeys = errors.New("a Secret to fill has a key twice, or a value that YAML does not allow: kubectl refuses it as well")

// errNoJSON: YAML writes such a key in a form of its own, also in braces.
var errNoJSON = errors.New("a Secret to fill is JSON and has a key with more than 128 or with unprintable characters: write the file as YAML")

// fillDocument writes the credential to a Secret's stringData, and removes the same keys from its data.
func fillDocument(content string, c awscreds.Credential) (string, error) {
	wanted := awscreds.Render(c)
	if wanted == nil {
		return "", c.Validate()
	}
	doc, mapping, err := payload.Parse(content)
	if err != nil {
		return "", err
	}
	if hasAlias(doc) {
		return "", errAlias
	}
	if mapping.Decode(new(any)) != nil { // its error would quote the file
		return "", errKeys
	}
	stringData := payload.Get(mapping, "stringData")
	if stringData == nil || stringData.Kind != yaml.MappingNode {
		stringData = &yaml.Node{Kind: yaml.MappingNode, Style: mapping.Style}
		set(mapping, "stringData", stringData)
	}
	data := payload.Get(mapping, "data")
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
	spellNulls(doc, false)
	filled, err := render(doc)
	if err == nil && json.Valid([]byte(content)) && !json.Valid([]byte(filled)) {
		return "", errNoJSON
	}
	return filled, err
}
