package bootstrap

// Manifests of people are edited through YAML nodes, so that their comments survive; our own documents are plain maps.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is one YAML document of a file with its exact bytes, without the separator line before it.
type document struct {
	separator string // "---\n" as in the file, or empty
	text      string
}

// splitDocuments splits a file at its "---" lines. Joined again, separators and texts give the same bytes.
func splitDocuments(file []byte) []document {
	docs := []document{{}}
	for line := range strings.Lines(string(file)) {
		if rest, mark := strings.CutPrefix(line, "---"); mark && (strings.TrimSpace(rest) == "" || strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#")) {
			docs = append(docs, document{separator: line})
			continue
		}
		docs[len(docs)-1].text += line
	}
	return docs
}

func joinDocuments(docs []document) []byte {
	var b bytes.Buffer
	for _, d := range docs {
		b.WriteString(d.separator)
		b.WriteString(d.text)
	}
	return b.Bytes()
}

// errYAML is the only error for a document that does not parse: the parser's error would quote it.
var errYAML = errors.New("it is not valid YAML")

// parseNode returns the mapping of a document, or nil if it is empty or not a mapping.
func parseNode(text string) (doc, mapping *yaml.Node, err error) {
	doc = &yaml.Node{}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(doc); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, errYAML
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, nil, errYAML // a second document after a separator that splitDocuments does not recognise
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, nil
	}
	return doc, doc.Content[0], nil
}

// get is the value of a key of a mapping, or nil.
func get(mapping *yaml.Node, keys ...string) *yaml.Node {
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

// text is the scalar at a path, or empty.
func text(mapping *yaml.Node, keys ...string) string {
	if node := get(mapping, keys...); node != nil && node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		return node.Value
	}
	return ""
}

// set sets a key of a mapping, in place if the key exists.
func set(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			value.HeadComment, value.LineComment, value.FootComment = mapping.Content[i+1].HeadComment, mapping.Content[i+1].LineComment, mapping.Content[i+1].FootComment
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, scalar(mapping, key), value)
}

// remove removes a key from a mapping.
func remove(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i], mapping.Content[i+2:]...)
			return
		}
	}
}

// scalar is a string, quoted if any version of YAML could read it as something else. Several lines become a block, as people write the
// credentials file. In a mapping in braces, which may be JSON, it is always quoted.
func scalar(within *yaml.Node, value string) *yaml.Node {
	node := &yaml.Node{}
	if err := node.Encode(value); err != nil { // only if it is not UTF-8
		node.SetString(value)
	}
	if within.Style&yaml.FlowStyle != 0 {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

// render writes nodes or plain values with the indentation that kubectl uses.
func render(value any) (string, error) {
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	return b.String(), nil
}
