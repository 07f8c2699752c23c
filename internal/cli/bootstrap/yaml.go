package bootstrap

// Manifests of people are edited through YAML nodes, so that their comments survive; our own documents are plain maps.

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

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

// spellNulls writes null where a mapping or a list in braces has no value, of which the encoder would make an empty string.
func spellNulls(node *yaml.Node, inBraces bool) {
	inBraces = inBraces || node.Style&yaml.FlowStyle != 0
	if inBraces && node.Kind == yaml.ScalarNode && node.Tag == "!!null" && node.Value == "" {
		node.Value = "null"
	}
	for _, part := range node.Content {
		spellNulls(part, inBraces)
	}
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
