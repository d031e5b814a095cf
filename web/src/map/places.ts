// Names on the base map, typed by hand: cities and places around Bình Dương, the country's seas and islands.

export interface Place {
  vi: string
  en: string
  lon: number
  lat: number
  /** 0 is drawn at every zoom, higher ranks later. */
  rank: number
  kind: 'city' | 'sea' | 'island'
}

type Row = [vi: string, en: string, lon: number, lat: number, rank: number, kind?: Place['kind']]

const ROWS: Row[] = [
  ['Biển Đông', 'East Sea', 112.5, 13.2, 0, 'sea'],
  ['Vịnh Thái Lan', 'Gulf of Thailand', 102.0, 9.2, 1, 'sea'],
  ['Quần đảo Hoàng Sa (Việt Nam)', 'Hoàng Sa Islands (Viet Nam)', 112.0, 16.5, 0, 'island'],
  ['Quần đảo Trường Sa (Việt Nam)', 'Trường Sa Islands (Viet Nam)', 113.8, 9.7, 0, 'island'],
  ['Côn Đảo', 'Côn Đảo', 106.61, 8.69, 2, 'island'],
  ['Phú Quốc', 'Phú Quốc', 103.98, 10.22, 2, 'island'],
  ['Hà Nội', 'Hanoi', 105.85, 21.03, 0],
  ['Hải Phòng', 'Hai Phong', 106.68, 20.86, 1],
  ['Huế', 'Hue', 107.59, 16.46, 1],
  ['Đà Nẵng', 'Da Nang', 108.21, 16.07, 0],
  ['Nha Trang', 'Nha Trang', 109.19, 12.24, 1],
  ['Đà Lạt', 'Da Lat', 108.44, 11.94, 1],
  ['Buôn Ma Thuột', 'Buon Ma Thuot', 108.04, 12.67, 1],
  ['Cần Thơ', 'Can Tho', 105.78, 10.03, 0],
  ['Vũng Tàu', 'Vung Tau', 107.08, 10.35, 2],
  ['Sài Gòn', 'Saigon', 106.7, 10.776, 0],
  ['Biên Hòa', 'Bien Hoa', 106.82, 10.945, 2],
  ['Tây Ninh', 'Tay Ninh', 106.1, 11.31, 2],
  ['Tân An', 'Tan An', 106.41, 10.535, 2],
  ['Mỹ Tho', 'My Tho', 106.36, 10.36, 2],
  ['Đồng Xoài', 'Dong Xoai', 106.89, 11.535, 3],
  ['Chơn Thành', 'Chon Thanh', 106.66, 11.42, 4],
  ['Bình Long', 'Binh Long', 106.61, 11.65, 4],
  ['Long Khánh', 'Long Khanh', 107.24, 10.93, 3],
  ['Long Thành', 'Long Thanh', 106.95, 10.785, 4],
  ['Trảng Bàng', 'Trang Bang', 106.36, 11.03, 4],
  ['Củ Chi', 'Cu Chi', 106.49, 10.97, 4],
  ['Thủ Đức', 'Thu Duc', 106.76, 10.85, 4],
  ['Thủ Dầu Một', 'Thu Dau Mot', 106.65, 10.98, 2],
  ['Thành phố mới Bình Dương', 'Binh Duong New City', 106.68, 11.055, 5],
  ['Dĩ An', 'Di An', 106.77, 10.905, 4],
  ['Lái Thiêu', 'Lai Thieu', 106.7, 10.905, 5],
  ['Bến Cát', 'Ben Cat', 106.59, 11.155, 4],
  ['Tân Uyên', 'Tan Uyen', 106.795, 11.065, 4],
  ['Bàu Bàng', 'Bau Bang', 106.63, 11.26, 5],
  ['Phú Giáo', 'Phu Giao', 106.795, 11.285, 5],
  ['Dầu Tiếng', 'Dau Tieng', 106.365, 11.28, 5],
  ['Bắc Tân Uyên', 'Bac Tan Uyen', 106.87, 11.145, 5],
  ['Phnôm Pênh', 'Phnom Penh', 104.92, 11.56, 0],
]

export const PLACES: Place[] = ROWS.map(([vi, en, lon, lat, rank, kind = 'city']) => ({ vi, en, lon, lat, rank, kind }))

/** The places as GeoJSON points. */
export function placesGeoJson(): GeoJSON.FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: PLACES.map(({ lon, lat, ...properties }) => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [lon, lat] },
      properties,
    })),
  }
}
