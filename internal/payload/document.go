// Package payload reads manifests of people and releases: YAML documents with their exact bytes, and the CredentialsRequests among them. An error
// never quotes a document.
package payload

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is one YAML document of a file with its exact bytes, without the separator line before it.
type Document struct {
	Separator string // "---\n" as in the file, or empty
	Text      string
}

// Split splits a file at its "---" lines. Joined again, separators and texts give the same bytes.
func Split(file []byte) []Document {
	docs := []Document{{}}
	for line := range strings.Lines(string(file)) {
		if rest, mark := strings.CutPrefix(line, "---"); mark && (strings.TrimSpace(rest) == "" || strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#")) {
			docs = append(docs, Document{Separator: line})
			continue
		}
		docs[len(docs)-1].Text += line
	}
	return docs
}

// Join is the file that Split has split.
func Join(docs []Document) []byte {
	var b bytes.Buffer
	for _, d := range docs {
		b.WriteString(d.Separator)
		b.WriteString(d.Text)
	}
	return b.Bytes()
}

// errYAML is the only error for a document that does not parse: the parser's error would quote it.
var errYAML = errors.New("it is not valid YAML")

// Parse returns the mapping of a document, or nil if it is empty or not a mapping.
func Parse(text string) (doc, mapping *yaml.Node, err error) {
	doc = &yaml.Node{}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(doc); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, errYAML
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, nil, errYAML // a second document after a separator that Split does not recognise
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, nil
	}
	return doc, doc.Content[0], nil
}

// Get is the value of a key of a mapping, or nil.
func Get(mapping *yaml.Node, keys ...string) *yaml.Node {
	node := mapping
	for _, key := range keys {
		if node == nil || node.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				next = node.Content[i+1]
			}
		}
		node = next
	}
	return node
}

// Text is the scalar at a path, or empty.
func Text(mapping *yaml.Node, keys ...string) string {
	if node := Get(mapping, keys...); node != nil && node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		return node.Value
	}
	return ""
}
