package routes

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// workbook writes a workbook sheet by sheet; the first error stops everything after it.
type workbook struct {
	f                   *excelize.File
	head, percent, wrap int
	err                 error
}

func newWorkbook() *workbook {
	b := &workbook{f: excelize.NewFile()}
	for id, style := range map[*int]excelize.Style{
		&b.head:    {Font: &excelize.Font{Bold: true}, Border: []excelize.Border{{Type: "bottom", Color: "0B2545", Style: 2}}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "bottom"}},
		&b.percent: {NumFmt: 9, Alignment: &excelize.Alignment{Vertical: "top"}},
		&b.wrap:    {Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}},
	} {
		if b.err == nil {
			*id, b.err = b.f.NewStyle(&style)
		}
	}
	return b
}

// share is a share between 0 and 1, shown in percent.
func (b *workbook) share(x float64) excelize.Cell { return excelize.Cell{StyleID: b.percent, Value: x} }

// text is a text of several lines.
func (b *workbook) text(s string) excelize.Cell { return excelize.Cell{StyleID: b.wrap, Value: s} }

// sheet adds a sheet: a frozen head with a filter, then rows; widths are in characters.
func (b *workbook) sheet(name string, head []string, widths []float64, rows [][]any) {
	if b.err != nil {
		return
	}
	if _, b.err = b.f.NewSheet(name); b.err != nil {
		return
	}
	var last string
	if last, b.err = excelize.CoordinatesToCellName(len(head), len(rows)+1); b.err != nil {
		return
	}
	if b.err = b.f.AutoFilter(name, "A1:"+last, nil); b.err != nil { // before the stream: after it the sheet is closed
		return
	}
	var w *excelize.StreamWriter
	if w, b.err = b.f.NewStreamWriter(name); b.err != nil {
		return
	}
	for i, width := range widths {
		if b.err = w.SetColWidth(i+1, i+1, width); b.err != nil {
			return
		}
	}
	if b.err = w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, XSplit: 1, TopLeftCell: "B2", ActivePane: "bottomRight"}); b.err != nil {
		return
	}
	cells := make([]any, len(head))
	for i, h := range head {
		cells[i] = excelize.Cell{StyleID: b.head, Value: h}
	}
	for i, row := range append([][]any{cells}, rows...) {
		var at string
		if at, b.err = excelize.CoordinatesToCellName(1, i+1); b.err != nil {
			return
		}
		if b.err = w.SetRow(at, row); b.err != nil {
			return
		}
	}
	b.err = w.Flush()
}

// bytes ends the workbook.
func (b *workbook) bytes() ([]byte, error) {
	defer b.f.Close()
	if b.err == nil {
		b.err = b.f.DeleteSheet("Sheet1")
	}
	if b.err != nil {
		return nil, fmt.Errorf("workbook: %w", b.err)
	}
	b.f.SetActiveSheet(0)
	out, err := b.f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	return out.Bytes(), nil
}
