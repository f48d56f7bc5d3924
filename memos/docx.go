package memos

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// docx writes a WordprocessingML document (ECMA-376, transitional) as an official
// paper wants it: A4, Times New Roman 14, tables 12, page numbers, table heads
// repeated on each page.
type docx struct{ body bytes.Buffer }

// Lengths in twentieths of a point.
const (
	pageWidth, pageHeight   = 11906, 16838 // A4
	marginLeft, marginRight = 1701, 850    // 3 cm, 1.5 cm
	textWidth               = pageWidth - marginLeft - marginRight
)

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// paragraph writes one in a style: "" (body), "Title", "Heading1", "Heading2", "Centered", "ListBullet", "Note".
func (d *docx) paragraph(style, text string) {
	d.body.WriteString(`<w:p>`)
	if style != "" {
		fmt.Fprintf(&d.body, `<w:pPr><w:pStyle w:val="%s"/></w:pPr>`, style)
	}
	for i, line := range strings.Split(text, "\n") {
		d.body.WriteString(`<w:r>`)
		if i > 0 {
			d.body.WriteString(`<w:br/>`)
		}
		fmt.Fprintf(&d.body, `<w:t xml:space="preserve">%s</w:t></w:r>`, escape(line))
	}
	d.body.WriteString(`</w:p>`)
}

// cell of a table: its text, whether it is a number (right), bold, and its fill ("" = none).
type cell struct {
	text        string
	right, bold bool
	fill, color string
}

func cells(texts ...string) []cell {
	out := make([]cell, len(texts))
	for i, t := range texts {
		out[i] = cell{text: t, right: i > 0}
	}
	return out
}

// table writes a table with a repeated head; widths are shares of the text's width.
func (d *docx) table(head []string, widths []float64, rows [][]cell) {
	sum := 0.0
	for _, w := range widths {
		sum += w
	}
	twips := make([]int, len(widths))
	for i, w := range widths {
		twips[i] = int(w / sum * textWidth)
	}
	fmt.Fprintf(&d.body, `<w:tbl><w:tblPr><w:tblStyle w:val="Grid"/><w:tblW w:w="%d" w:type="dxa"/><w:tblLayout w:type="fixed"/><w:tblLook w:firstRow="1"/></w:tblPr><w:tblGrid>`, textWidth)
	for _, w := range twips {
		fmt.Fprintf(&d.body, `<w:gridCol w:w="%d"/>`, w)
	}
	d.body.WriteString(`</w:tblGrid>`)
	heads := make([]cell, len(head))
	for i, h := range head {
		heads[i] = cell{text: h, bold: true, fill: "EEF4F8"}
	}
	for i, row := range append([][]cell{heads}, rows...) {
		d.body.WriteString(`<w:tr><w:trPr><w:cantSplit/>`)
		if i == 0 {
			d.body.WriteString(`<w:tblHeader/>`)
		}
		d.body.WriteString(`</w:trPr>`)
		for c, x := range row {
			fmt.Fprintf(&d.body, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>`, twips[c])
			if x.fill != "" {
				fmt.Fprintf(&d.body, `<w:shd w:val="clear" w:color="auto" w:fill="%s"/>`, x.fill)
			}
			d.body.WriteString(`</w:tcPr><w:p><w:pPr><w:pStyle w:val="TableText"/>`)
			if x.right && i > 0 {
				d.body.WriteString(`<w:jc w:val="right"/>`)
			}
			d.body.WriteString(`</w:pPr><w:r><w:rPr>`)
			if x.bold {
				d.body.WriteString(`<w:b/>`)
			}
			if x.color != "" {
				fmt.Fprintf(&d.body, `<w:color w:val="%s"/>`, x.color)
			}
			fmt.Fprintf(&d.body, `</w:rPr><w:t xml:space="preserve">%s</w:t></w:r></w:p></w:tc>`, escape(x.text))
		}
		d.body.WriteString(`</w:tr>`)
	}
	d.body.WriteString(`</w:tbl>`)
	d.paragraph("Gap", "")
}

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	wordNS   = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	officeNS = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
)

var docxParts = [][2]string{
	{"[Content_Types].xml", xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/><Override PartName="/word/numbering.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml"/><Override PartName="/word/footer1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"/><Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>`},
	{"_rels/.rels", xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="` + officeNS + `/officeDocument" Target="word/document.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`},
	{"word/_rels/document.xml.rels", xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="` + officeNS + `/styles" Target="styles.xml"/><Relationship Id="r2" Type="` + officeNS + `/footer" Target="footer1.xml"/><Relationship Id="r3" Type="` + officeNS + `/numbering" Target="numbering.xml"/></Relationships>`},
	{"word/footer1.xml", xmlHead + `<w:ftr ` + wordNS + `><w:p><w:pPr><w:pStyle w:val="Centered"/></w:pPr><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p></w:ftr>`},
	{"word/numbering.xml", xmlHead + `<w:numbering ` + wordNS + `><w:abstractNum w:abstractNumId="0"><w:multiLevelType w:val="singleLevel"/><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="–"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="709" w:hanging="352"/></w:pPr></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>`},
	{"word/styles.xml", xmlHead + `<w:styles ` + wordNS + `><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="Times New Roman" w:cs="Times New Roman"/><w:sz w:val="28"/><w:szCs w:val="28"/><w:lang w:val="ru-RU"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="0" w:line="300" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>` +
		style("Normal", "Normal", true, `<w:pPr><w:ind w:firstLine="709"/><w:jc w:val="both"/></w:pPr>`) +
		style("Title", "Title", false, `<w:pPr><w:keepNext/><w:spacing w:before="240" w:after="120"/><w:ind w:firstLine="0"/><w:jc w:val="center"/></w:pPr><w:rPr><w:b/></w:rPr>`) +
		style("Heading1", "heading 1", false, `<w:pPr><w:keepNext/><w:spacing w:before="240" w:after="120"/><w:ind w:firstLine="0"/><w:jc w:val="left"/><w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/></w:rPr>`) +
		style("Heading2", "heading 2", false, `<w:pPr><w:keepNext/><w:spacing w:before="120" w:after="60"/><w:ind w:firstLine="0"/><w:jc w:val="left"/><w:outlineLvl w:val="1"/></w:pPr><w:rPr><w:b/><w:i/></w:rPr>`) +
		style("Centered", "Centered", false, `<w:pPr><w:ind w:firstLine="0"/><w:jc w:val="center"/></w:pPr>`) +
		style("ListBullet", "List Bullet", false, `<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:ind w:left="709" w:hanging="352" w:firstLine="0"/></w:pPr>`) +
		style("Note", "Note", false, `<w:pPr><w:spacing w:before="60" w:after="120" w:line="240"/><w:ind w:firstLine="0"/><w:jc w:val="left"/></w:pPr><w:rPr><w:sz w:val="24"/><w:szCs w:val="24"/></w:rPr>`) +
		style("TableText", "Table Text", false, `<w:pPr><w:spacing w:line="240"/><w:ind w:firstLine="0"/><w:jc w:val="left"/></w:pPr><w:rPr><w:sz w:val="24"/><w:szCs w:val="24"/></w:rPr>`) +
		style("Gap", "Gap", false, `<w:pPr><w:spacing w:line="240"/><w:ind w:firstLine="0"/></w:pPr><w:rPr><w:sz w:val="12"/></w:rPr>`) +
		`<w:style w:type="table" w:styleId="Grid"><w:name w:val="Table Grid"/><w:tblPr><w:tblBorders><w:top w:val="single" w:sz="4"/><w:left w:val="single" w:sz="4"/><w:bottom w:val="single" w:sz="4"/><w:right w:val="single" w:sz="4"/><w:insideH w:val="single" w:sz="4"/><w:insideV w:val="single" w:sz="4"/></w:tblBorders><w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style></w:styles>`},
}

func style(id, name string, base bool, properties string) string {
	if base {
		return `<w:style w:type="paragraph" w:default="1" w:styleId="` + id + `"><w:name w:val="` + name + `"/>` + properties + `</w:style>`
	}
	return `<w:style w:type="paragraph" w:customStyle="1" w:styleId="` + id + `"><w:name w:val="` + name + `"/><w:basedOn w:val="Normal"/>` + properties + `</w:style>`
}

// bytes packs the document under a title.
func (d *docx) bytes(title string) ([]byte, error) {
	parts := append([][2]string{}, docxParts...)
	parts = append(parts,
		[2]string{"docProps/core.xml", xmlHead + `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>` + escape(title) + `</dc:title><dc:creator>Лоция</dc:creator><dc:language>ru-RU</dc:language></cp:coreProperties>`},
		[2]string{"word/document.xml", xmlHead + `<w:document ` + wordNS + ` xmlns:r="` + officeNS + `"><w:body>` + d.body.String() +
			fmt.Sprintf(`<w:sectPr><w:footerReference w:type="default" r:id="r2"/><w:pgSz w:w="%d" w:h="%d"/><w:pgMar w:top="1134" w:right="%d" w:bottom="1134" w:left="%d" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr>`, pageWidth, pageHeight, marginRight, marginLeft) +
			`</w:body></w:document>`})
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, p := range parts {
		w, err := z.Create(p[0])
		if err != nil {
			return nil, fmt.Errorf("document: %w", err)
		}
		if _, err := w.Write([]byte(p[1])); err != nil {
			return nil, fmt.Errorf("document: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return out.Bytes(), nil
}
