package harness

import (
	"reflect"
	"testing"
)

func TestBlocks_HaveTheirHeadingLanguageAndLine(t *testing.T) {
	page := "# A page\n\n```sh\n# not a heading\nrun\n```\n\n## Then\n\n1. in a list\n\n   ```yaml\n   a:\n     b: 1\n   ```\n\n```\nplain\n```\n```sh\nnever closed\n"
	want := []Block{
		{Heading: "A page", Language: "sh", Line: 4, Text: "# not a heading\nrun\n"},
		{Heading: "Then", Language: "yaml", Line: 13, Text: "a:\n  b: 1\n"},
		{Heading: "Then", Line: 18, Text: "plain\n"},
	}
	if got := Blocks(page); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
