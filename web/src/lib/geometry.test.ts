// Points that stand for a shape.
import { expect, test } from 'vitest'
import { labelPoint, middleOf } from './geometry'

test('the middle of a shape is that of its box', () => {
  expect(middleOf({ type: 'LineString', coordinates: [[0, 0], [4, 2]] })).toEqual([2, 1])
  expect(middleOf({ type: 'MultiPolygon', coordinates: [] })).toBeNull()
})

test('an area is named at its centre of gravity, a scattered one in its largest part', () => {
  const square = (x: number, side: number) => [[[x, 0], [x + side, 0], [x + side, side], [x, side], [x, 0]]]
  expect(labelPoint({ type: 'Polygon', coordinates: square(2, 2) })).toEqual([3, 1])
  expect(labelPoint({ type: 'MultiPolygon', coordinates: [square(0, 1), square(10, 4)] })).toEqual([12, 2])
  expect(labelPoint({ type: 'Point', coordinates: [5, 6] })).toEqual([5, 6])
})
