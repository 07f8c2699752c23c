package harness

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// DocumentedExample returns the object of a kind that a page of docs/ shows with its status.
func DocumentedExample(page, kind string) (map[string]any, error) {
	blocks, err := PageBlocks(page)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if block.Language != "yaml" {
			continue
		}
		object := map[string]any{}
		if err := yaml.Unmarshal([]byte(block.Text), &object); err != nil {
			return nil, fmt.Errorf("an example in %s: %w", page, err)
		}
		if object["kind"] == kind && object["status"] != nil {
			return object, nil
		}
	}
	return nil, fmt.Errorf("%s shows no %s with a status", page, kind)
}

// passing matches what differs between an example and a real object: times, OCM's ids, and fingerprints.
var passing = regexp.MustCompile(`\b\d{4}-\d\d-\d\d(T[0-9:]+Z| \d\d:\d\d UTC)|\b[0-9][0-9A-Za-z]{26}\b|\b[0-9a-f]{64}\b`)

// NotExcerpt returns the differences between an example and the live object; none if the example is an excerpt of it. An example may omit fields
// and elements of a list. Times, ids and fingerprints may differ; renamed maps other names in the live object to those in the example.
func NotExcerpt(shown, live any, renamed map[string]string) []string {
	var pairs []string
	for is, called := range renamed {
		pairs = append(pairs, is, called)
	}
	return notExcerpt("", shown, live, strings.NewReplacer(pairs...))
}

func notExcerpt(path string, shown, live any, names *strings.Replacer) []string {
	var problems []string
	switch shown := shown.(type) {
	case map[string]any:
		of, _ := live.(map[string]any)
		for key, value := range shown {
			problems = append(problems, notExcerpt(path+"."+key, value, of[key], names)...)
		}
	case []any:
		list, _ := live.([]any)
		for i, element := range shown {
			at := fmt.Sprintf("%s[%d]", path, i)
			problems = append(problems, nearest(at, element, list, names)...)
		}
	default:
		is := fmt.Sprint(live)
		if passing.ReplaceAllString(fmt.Sprint(shown), "…") != passing.ReplaceAllString(names.Replace(is), "…") {
			problems = append(problems, fmt.Sprintf("%s shows %v, and is %s", path, shown, is))
		}
	}
	return problems
}

// nearest returns how an element of a list differs from the most similar one.
func nearest(path string, shown any, list []any, names *strings.Replacer) []string {
	least := []string{path + " is an element that the live list does not have"}
	for i, candidate := range list {
		problems := notExcerpt(path, shown, candidate, names)
		if i == 0 || len(problems) < len(least) {
			least = problems
		}
	}
	return least
}
